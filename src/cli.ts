const VERBS: Record<string, { summary: string; run: () => Promise<(args: string[]) => Promise<number>> }> = {
  serve: { summary: 'run a node', run: async () => (await import('./cli/serve.ts')).serve },
  demo: {
    summary: 'two countries, their mail servers, accounts and Digital IDs; prints where to sign in',
    run: async () => (await import('./cli/demo.ts')).demo,
  },
  migrate: { summary: 'apply migrations', run: async () => (await import('./cli/migrate.ts')).migrateCommand },
  inspect: {
    summary: 'read S/MIME messages as the message page would',
    run: async () => (await import('./cli/inspect.ts')).inspect,
  },
  seal: { summary: 'sign and/or encrypt a message', run: async () => (await import('./cli/seal.ts')).seal },
  pkcs12: { summary: 'what is in a .pfx/.p12', run: async () => (await import('./cli/pkcs12.ts')).pkcs12 },
  audit: { summary: 'audit verify: the audit trail is whole', run: async () => (await import('./cli/audit.ts')).audit },
};

/** Exit status: 0 done, 1 the input cannot be read or used, 2 wrong use. */
const [verb, ...args] = process.argv.slice(2);
const known = verb === undefined ? undefined : VERBS[verb];
if (known === undefined) {
  const lines = Object.entries(VERBS).map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`);
  console.error(`usage: sealpost <verb> …\n\n${lines.join('\n')}`);
  process.exitCode = verb === undefined || verb === '--help' ? 0 : 2;
} else {
  try {
    const run = await known.run();
    process.exitCode = await run(args);
  } catch (error) {
    // The reason for a person; the stack only where somebody asks for it.
    console.error(`sealpost: ${error instanceof Error ? error.message : String(error)}`);
    if (process.env['NODE_DEBUG']?.includes('sealpost')) console.error(error);
    process.exitCode = 1;
  }
}
