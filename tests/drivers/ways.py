#!/usr/bin/python3
"""One read by a driver in one of its usual ways, many times over, each answer printed.

Usage: ways.py WAY HOST PORT DATABASE
"""

import sys

import psycopg
import sqlalchemy
from sqlalchemy.orm import Session, declarative_base

TIMES = 40
READ = "SELECT name, price FROM product WHERE id = %s"
Base = declarative_base()


class Product(Base):
    __tablename__ = "product"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    name = sqlalchemy.Column(sqlalchemy.Text)
    price = sqlalchemy.Column(sqlalchemy.Numeric)


def psycopg_default(host, port, database):
    """BEGIN of its own accord, COMMIT by hand; prepared from the fifth time on."""
    with psycopg.connect(host=host, port=port, dbname=database, user="postgres") as connection:
        for _ in range(TIMES):
            yield connection.execute(READ, [7]).fetchone()
            connection.commit()


def psycopg_autocommit(host, port, database):
    with psycopg.connect(host=host, port=port, dbname=database, user="postgres", autocommit=True) as connection:
        for _ in range(TIMES):
            yield connection.execute(READ, [7]).fetchone()


def psycopg_savepoints(host, port, database):
    with psycopg.connect(host=host, port=port, dbname=database, user="postgres", autocommit=True) as connection:
        for _ in range(TIMES):
            with connection.transaction(), connection.transaction():
                yield connection.execute(READ, [7]).fetchone()


def sqlalchemy_orm(host, port, database):
    """BEGIN, SELECT, COMMIT, a session for each request."""
    engine = sqlalchemy.create_engine(f"postgresql+psycopg2://postgres@{host}:{port}/{database}")
    for _ in range(TIMES):
        with Session(engine) as session, session.begin():
            product = session.get(Product, 7)
            yield product.name, product.price
    engine.dispose()


WAYS = {way.__name__: way for way in (psycopg_default, psycopg_autocommit, psycopg_savepoints, sqlalchemy_orm)}

if __name__ == "__main__":
    for answer in WAYS[sys.argv[1]](*sys.argv[2:]):
        print(*answer)
