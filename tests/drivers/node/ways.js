// One read by node-postgres in one of its usual ways, many times over, each answer printed.
// Usage: node ways.js MODULES WAY HOST PORT DATABASE
'use strict';
const { createRequire } = require('node:module');
const path = require('node:path');

const [modules, way, host, port, database] = process.argv.slice(2);
const { Pool } = createRequire(path.join(modules, 'package.json'))('pg');

const TIMES = 40;
const text = 'SELECT name, price FROM product WHERE id = $1';

const WAYS = {
  node_pool: (pool) => pool.query(text, [7]),
  node_named: (pool) => pool.query({ name: 'point', text, values: [7] }),
  node_transaction: async (pool) => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      const result = await client.query(text, [7]);
      await client.query('COMMIT');
      return result;
    } finally {
      client.release();
    }
  },
};

async function main() {
  const pool = new Pool({ host, port: Number(port), database, user: 'postgres' });
  for (let n = 0; n < TIMES; n++) {
    const { rows } = await WAYS[way](pool);
    console.log(rows[0].name, rows[0].price);
  }
  await pool.end();
}

main();
