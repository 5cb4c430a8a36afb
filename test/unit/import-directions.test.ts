import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const src = fileURLToPath(new URL('../../src', import.meta.url));

/** docs/architecture.md, "Which way imports go". A folder may always import from itself. */
const ALLOWED: Record<string, string[]> = {
  bytes: [],
  pki: ['bytes'],
  mime: ['bytes'],
  vault: [],
  i18n: [],
  smime: ['bytes', 'pki', 'mime', 'vault'],
  mail: ['bytes', 'mime'],
  html: ['mime'],
  services: [
    'bytes',
    'pki',
    'mime',
    'vault',
    'i18n',
    'smime',
    'mail',
    'html',
    'generated',
    'config',
    'context',
    'errors',
  ],
  plugins: ['services', 'i18n', 'config', 'context', 'errors'],
  routes: ['services', 'plugins', 'i18n', 'html', 'pki', 'smime', 'mail', 'config', 'context', 'errors'],
  cli: ['services', 'bytes', 'pki', 'mime', 'smime', 'html', 'config', 'server', 'vault', 'errors', 'testbed'],
  config: ['settings'],
  settings: [],
  errors: [],
  context: ['services', 'mail', 'smime', 'config'],
  app: ['plugins', 'routes', 'context'],
  server: ['app', 'bytes', 'services', 'mail', 'smime', 'config', 'context'],
};

/** Libraries know neither the web, the database, the environment nor the clock. */
const LIBRARIES = ['bytes', 'pki', 'mime', 'smime', 'mail', 'html', 'vault'];
const FOREIGN_TO_LIBRARIES = ['fastify', 'eta', '@fastify/', '@prisma/', 'pg', 'pg-boss', 'zod'];

function sourceFiles(): string[] {
  return fs
    .readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('generated'));
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from\s+|import\s+|import\(\s*)'([^']+)'/g)].map((match) => match[1]!);
}

/** First folder below src, or the file's own name at the top. */
function areaOf(file: string): string {
  return file.split(path.sep)[0]!.replace(/\.ts$/, '');
}

test('imports go from server to app to routes to services to libraries, never back', () => {
  const wrong: string[] = [];
  for (const file of sourceFiles()) {
    const area = areaOf(file);
    const allowed = ALLOWED[area];
    if (!allowed) continue;
    for (const name of importsOf(fs.readFileSync(path.join(src, file), 'utf8'))) {
      if (!name.startsWith('.')) continue;
      const target = path.relative(src, path.resolve(src, path.dirname(file), name));
      const to = target.startsWith('..') ? target.split(path.sep)[1]! : areaOf(target);
      if (to !== area && !allowed.includes(to)) wrong.push(`${file} imports ${name}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('only services and the composition root know Prisma', () => {
  const wrong = sourceFiles().filter((file) => {
    const area = areaOf(file);
    if (area === 'services') return false;
    const text = fs.readFileSync(path.join(src, file), 'utf8');
    return (
      importsOf(text).some((name) => name.includes('generated/prisma') || name.startsWith('@prisma/')) ||
      /\.prisma\./.test(text)
    );
  });
  assert.deepEqual(wrong, []);
});

test('libraries know no web framework, no database, no environment and no clock', () => {
  const wrong: string[] = [];
  for (const file of sourceFiles().filter((name) => LIBRARIES.includes(areaOf(name)))) {
    const text = fs.readFileSync(path.join(src, file), 'utf8');
    for (const name of importsOf(text)) {
      if (
        FOREIGN_TO_LIBRARIES.some((foreign) => name === foreign || (foreign.endsWith('/') && name.startsWith(foreign)))
      ) {
        wrong.push(`${file} imports ${name}`);
      }
    }
    if (/process\.env|new Date\(\)|Date\.now\(/.test(text)) wrong.push(`${file} reads the environment or the clock`);
  }
  assert.deepEqual(wrong, []);
});

test('only config.ts reads the environment', () => {
  const reading = sourceFiles().filter((file) => /process\.env\b/.test(fs.readFileSync(path.join(src, file), 'utf8')));
  // The command's verbs hand the whole environment to readConfig; Postgres gets its PATH from it.
  const known = /^(config\.ts|cli\.ts|cli\/[\w-]+\.ts|services\/database\/embedded-postgres\.ts)$/;
  assert.deepEqual(
    reading.filter((file) => !known.test(file.split(path.sep).join('/'))),
    [],
  );
});
