import type { FastifyReply, FastifyRequest } from 'fastify';

/** Topics in the order of reading; each has a title and paragraphs in `i18n`. */
const PARTS = {
  clerks: ['digital-id', 'install', 'ribbon', 'encrypt', 'link', 'thumbprint', 'backup', 'lock', 'cross'],
  // They have a page of their own, to be printed or sent as a link.
  partners: [],
} as const satisfies Record<string, readonly string[]>;

export function showHelp() {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t } = request.formats;
    const parts = Object.entries(PARTS).map(([id, topics]) => ({
      id,
      title: t(`help.${id}.title`),
      lead: t(`help.${id}.lead`),
      topics: topics.map((topic) => ({
        id: `${id}-${topic}`,
        title: t(`help.${id}.${topic}.title`),
        paragraphs: t(`help.${id}.${topic}.text`).split('\n\n'),
      })),
    }));
    return reply.page('help/show', { title: t('help.title'), place: 'help', parts });
  };
}
