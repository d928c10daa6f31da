// node-postgres, feature by feature, against one address; prints a transcript that depends on nothing else.
// Usage: node features.js MODULES HOST PORT DATABASE
'use strict';
const { createRequire } = require('node:module');
const path = require('node:path');

const [modules, host, port, database] = process.argv.slice(2);
const load = createRequire(path.join(modules, 'package.json'));
const { Client, Pool, types } = load('pg');
const Cursor = load('pg-cursor');
const QueryStream = load('pg-query-stream');

const options = { host, port: Number(port), database, user: 'postgres' };
const TIMES = 4; // each read is repeated, so that later ones may come from the cache

function show(label, value) {
  console.log(`${label}: ${JSON.stringify(value)}`);
}

async function again(label, read) {
  const seen = [];
  for (let n = 0; n < TIMES; n++) seen.push(JSON.stringify(await read()));
  show(label, seen.every((text) => text === seen[0]) ? JSON.parse(seen[0]) : seen);
}

async function failure(promise) {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return [error.code, error.message, error.position];
  }
}

async function queries(client) {
  const point = 'SELECT id, name, price FROM product WHERE id = $1';
  const rows = async (...query) => (await client.query(...query)).rows;
  await again('simple', () => rows('SELECT name FROM product WHERE id = 1'));
  await again('parameters', () => rows(point, [2]));
  await again('named', () => rows({ name: 'point', text: point, values: [3] }));
  await again('array rows', () => rows({ text: point, values: [4], rowMode: 'array' }));
  await again('binary', () => rows({ text: 'SELECT id FROM product WHERE id = $1', values: [4], binary: true }));
  await again('null', () => rows('SELECT count(*) FROM product WHERE name = $1', [null]));
  await again('row limit', () => rows({ text: 'SELECT id FROM product WHERE id < $1 ORDER BY id', values: [9], rows: 3 }));
  await again('kinds', () => rows('SELECT * FROM kinds ORDER BY id'));
  const several = await client.query('SELECT name FROM product WHERE id = 1; SELECT count(*) FROM product; SET DateStyle = ISO');
  show('several', several.map((result) => [result.command, result.rowCount, result.rows]));
  const one = await client.query(point, [5]);
  show('fields', one.fields.map((field) => [field.name, field.dataTypeID, field.dataTypeSize, field.format]));
  show('command', [one.command, one.rowCount]);
  show('empty', (await client.query('')).rows);
  show('insert', (await client.query("INSERT INTO note VALUES (1, 'x') RETURNING *")).rows);
}

async function many(client) {
  const questions = [];
  for (let n = 0; n < 60; n++) questions.push(client.query('SELECT name FROM product WHERE id = $1', [(n % 6) + 1]));
  questions.push(client.query("UPDATE product SET name = 'queued' WHERE id = 6"));
  questions.push(client.query('SELECT name FROM product WHERE id = 6'));
  const results = await Promise.all(questions);
  show('queued', results.map((result) => result.rows.map((row) => row.name).join()));
}

async function transactions(client) {
  const price = async () => (await client.query('SELECT price FROM product WHERE id = 10')).rows[0].price;
  await again('before', price);
  await client.query('BEGIN');
  await client.query('UPDATE product SET price = price + 1 WHERE id = 10');
  show('inside', await price());
  await client.query('SAVEPOINT s');
  show('error', await failure(client.query('SELECT 1/0')));
  show('failed block', await failure(client.query('SELECT price FROM product WHERE id = 10')));
  await client.query('ROLLBACK TO s');
  show('rolled back to', await price());
  await client.query('COMMIT');
  await again('committed', price);
}

async function errors(client) {
  show('syntax', await failure(client.query('SELEC 1')));
  show('division', await failure(client.query('SELECT 1 / (id - id) FROM product WHERE id = $1', [1])));
  show('type', await failure(client.query('SELECT name FROM product WHERE id = $1', ['x'])));
  show('duplicate', await failure(client.query("INSERT INTO product VALUES (1, 'twice', 1)")));
  const notices = [];
  client.on('notice', (notice) => notices.push(notice.message));
  await client.query("DO $$BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END$$");
  show('notices', notices);
}

async function cursors(client) {
  for (let n = 0; n < 2; n++) {
    const cursor = client.query(new Cursor('SELECT id FROM product WHERE id <= $1 ORDER BY id', [12]));
    for (let rows = await cursor.read(5); rows.length > 0; rows = await cursor.read(5)) {
      show('cursor', rows.map((row) => row.id));
    }
    await cursor.close();
  }
  const abandoned = client.query(new Cursor('SELECT id FROM product ORDER BY id'));
  show('first of many', (await abandoned.read(2)).map((row) => row.id));
  await abandoned.close();
  for (let n = 0; n < 2; n++) {
    let sum = 0;
    for await (const row of client.query(new QueryStream('SELECT id FROM product ORDER BY id', [], { batchSize: 16 }))) sum += row.id;
    show('stream', sum);
  }
  show('afterwards', (await client.query('SELECT name FROM product WHERE id = 1')).rows);
}

async function notifications(client) {
  const other = new Client(options);
  await other.connect();
  await client.query('LISTEN news');
  const heard = new Promise((resolve) => client.once('notification', (note) => resolve([note.channel, note.payload])));
  await other.query("NOTIFY news, 'while idle'");
  show('notified', await heard);
  await client.query('UNLISTEN *');
  await other.end();
}

async function pools() {
  const pool = new Pool({ ...options, max: 5 });
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => pool.query('SELECT name FROM product WHERE id = $1', [(n % 4) + 1])));
  show('pool', answers.map((answer) => answer.rows[0].name));
  const client = await pool.connect();
  await client.query('BEGIN');
  show('pooled', (await client.query('SELECT count(*) FROM product')).rows);
  await client.query('ROLLBACK');
  client.release();
  await pool.end();
}

async function endings() {
  const client = new Client({ ...options, database: 'no_such_database' });
  show('no database', await failure(client.connect()));
  const slow = new Client({ ...options, statement_timeout: 100 });
  await slow.connect();
  show('statement timeout', await failure(slow.query('SELECT pg_sleep(30)')));
  show('usable', (await slow.query('SELECT name FROM product WHERE id = 1')).rows);
  await slow.end();
}

async function main() {
  types.setTypeParser(20, Number);
  const client = new Client(options);
  await client.connect();
  await queries(client);
  await many(client);
  await transactions(client);
  await errors(client);
  await cursors(client);
  await notifications(client);
  await client.end();
  await pools();
  await endings();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
