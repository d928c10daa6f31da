-- Keys and indexes, after the rows: building them once is several times faster than keeping them up
-- to date row by row. Statements between two blank lines form a step; steps run in order.
ALTER TABLE categories  ADD PRIMARY KEY (id);
ALTER TABLE products    ADD PRIMARY KEY (id);
ALTER TABLE customers   ADD PRIMARY KEY (id);
ALTER TABLE orders      ADD PRIMARY KEY (id);
ALTER TABLE order_lines ADD PRIMARY KEY (order_id, line_no);
ALTER TABLE reviews     ADD PRIMARY KEY (id);
ALTER TABLE stock       ADD PRIMARY KEY (product_id);

ALTER TABLE products    ADD FOREIGN KEY (category_id) REFERENCES categories;
ALTER TABLE orders      ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE order_lines ADD FOREIGN KEY (order_id)    REFERENCES orders;
ALTER TABLE order_lines ADD FOREIGN KEY (product_id)  REFERENCES products;
ALTER TABLE reviews     ADD FOREIGN KEY (product_id)  REFERENCES products;
ALTER TABLE reviews     ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE stock       ADD FOREIGN KEY (product_id)  REFERENCES products;

CREATE UNIQUE INDEX customers_email ON customers (lower(email));
CREATE INDEX products_category ON products (category_id, name);
CREATE INDEX products_name ON products (lower(name) text_pattern_ops);
CREATE INDEX orders_customer ON orders (customer_id, id);
CREATE INDEX order_lines_product ON order_lines (product_id);
CREATE INDEX reviews_product ON reviews (product_id, id);
CREATE INDEX reviews_customer ON reviews (customer_id);

SELECT setval(pg_get_serial_sequence('orders', 'id'), (SELECT max(id) FROM orders));
SELECT setval(pg_get_serial_sequence('reviews', 'id'), (SELECT max(id) FROM reviews));
