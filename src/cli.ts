type Verb = {
  summary: string;
  /** Needs the generated Prisma client */
  database?: true;
  run: () => Promise<(args: string[]) => Promise<number>>;
};

const VERBS: Record<string, Verb> = {
  serve: { summary: 'run a node', database: true, run: async () => (await import('./cli/serve.ts')).serve },
  demo: {
    summary: 'two countries, their mail servers, accounts and Digital IDs; prints where to sign in',
    database: true,
    run: async () => (await import('./cli/demo.ts')).demo,
  },
  migrate: { summary: 'apply migrations', run: async () => (await import('./cli/migrate.ts')).migrateCommand },
  inspect: {
    summary: 'read S/MIME messages as the message page would',
    run: async () => (await import('./cli/inspect.ts')).inspect,
  },
  'verify-path': {
    summary: 'validate certificate paths',
    run: async () => (await import('./cli/verify-path.ts')).verifyPath,
  },
  seal: { summary: 'sign and/or encrypt a message', run: async () => (await import('./cli/seal.ts')).seal },
  pkcs12: { summary: 'what is in a .pfx/.p12', run: async () => (await import('./cli/pkcs12.ts')).pkcs12 },
  admin: {
    summary: 'admin add: the first administrator',
    database: true,
    run: async () => (await import('./cli/admin.ts')).admin,
  },
  evidence: {
    summary: 'evidence verify FILE: a downloaded evidence file is genuine and unchanged',
    database: true,
    run: async () => (await import('./cli/evidence.ts')).evidence,
  },
  doctor: {
    summary: 'set-up check: names, relays, mail servers, clock, database, queue',
    database: true,
    run: async () => (await import('./cli/doctor.ts')).doctor,
  },
  audit: {
    summary: 'audit verify: the audit trail is whole',
    database: true,
    run: async () => (await import('./cli/audit.ts')).audit,
  },
};

/** Exit status: 0 done, 1 the input cannot be read or used, 2 wrong use. */
const [verb, ...args] = process.argv.slice(2);
const known = verb === undefined ? undefined : VERBS[verb];
if (known === undefined) {
  const lines = Object.entries(VERBS).map(([name, { summary }]) => `  ${name.padEnd(12)} ${summary}`);
  console.error(`usage: sealpost <verb> …\n\n${lines.join('\n')}`);
  process.exitCode = verb === undefined || verb === '--help' ? 0 : 2;
} else {
  try {
    if (known.database) await import(new URL('../bin/generate-client.mjs', import.meta.url).href);
    const run = await known.run();
    process.exitCode = await run(args);
  } catch (error) {
    // The reason for a person; the stack only where somebody asks for it.
    console.error(`sealpost: ${error instanceof Error ? error.message : String(error)}`);
    if (process.env['NODE_DEBUG']?.includes('sealpost')) console.error(error);
    process.exitCode = 1;
  }
}
