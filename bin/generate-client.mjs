// Generates the Prisma client when the schema is newer than what is there. Needs no network: the engine is not used.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const schema = readFileSync(path.join(root, 'prisma/schema.prisma'));
const version = require('prisma/package.json').version;
const mark = path.join(root, 'src/generated/schema.sha256');
const wanted = `${version} ${createHash('sha256').update(schema).digest('hex')}`;

if (!existsSync(mark) || readFileSync(mark, 'utf8') !== wanted) {
  const cli = path.join(path.dirname(require.resolve('prisma/package.json')), 'build/index.js');
  const done = spawnSync(process.execPath, [cli, 'generate'], {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
    },
  });
  if (done.status !== 0) {
    console.error(done.stdout, done.stderr);
    process.exit(1);
  }
  mkdirSync(path.dirname(mark), { recursive: true });
  writeFileSync(mark, wanted);
}
