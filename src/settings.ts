import { z } from 'zod';

const wholeNumber = (from: number, to: number) => z.coerce.number().int().min(from).max(to);

/** The one schema of the settings: README's table and every message about a wrong one come from the descriptions. */
export const settings = z.object({
  HOST: z.string().min(1).default('127.0.0.1').describe('address to listen on'),
  PORT: wholeNumber(0, 65535).default(8460).describe('port to listen on, 0 to 65535'),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('address in the browser, https://… (http only for localhost)'),
  DATA_FOLDER: z.string().min(1).default('data').describe('folder of the embedded database and of generated secrets'),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//)
    .optional()
    .describe('postgresql://… of a Postgres 15 or newer; without it an embedded one runs in DATA_FOLDER'),
  SERVER_KEYS: z
    .string()
    .optional()
    .describe('K_srv: name:base64 of 32 bytes, several separated by commas, the last one current'),
  SESSION_KEYS: z.string().optional().describe('K_sess: as SERVER_KEYS'),
  NODE_NAME: z
    .string()
    .regex(/^[\w.:-]{1,64}$/)
    .optional()
    .describe('name of this node in the audit trail, letters, digits and . : - _; default host and port'),
  SERVICE_MAIL_USER: z.string().min(1).optional().describe('service credential of the hosted mail servers: user'),
  SERVICE_MAIL_PASSWORD: z
    .string()
    .min(1)
    .optional()
    .describe('service credential of the hosted mail servers: password'),
  TRUSTED_PROXIES: z
    .string()
    .default('')
    .describe('addresses of reverse proxies whose X-Forwarded-For counts, separated by commas'),
  CLIENT_CERTIFICATES: z
    .enum(['none', 'proxy', 'node'])
    .default('none')
    .describe(
      'where a browser’s certificate comes from (T22): none; proxy: X-Client-Certificate of TRUSTED_PROXIES; node: its own TLS',
    ),
  TLS_CERTIFICATE: z
    .string()
    .regex(/-----BEGIN CERTIFICATE-----/)
    .optional()
    .describe(
      'PEM of the certificate with its chain, for a node that speaks TLS itself; most often TLS_CERTIFICATE_FILE',
    ),
  TLS_PRIVATE_KEY: z
    .string()
    .regex(/-----BEGIN [A-Z ]*PRIVATE KEY-----/)
    .optional()
    .describe('PEM of its private key; most often TLS_PRIVATE_KEY_FILE'),
  SESSION_HOURS: wholeNumber(1, 24).default(12).describe('hours until a session ends whatever happens, 1 to 24'),
  MAIL_IDLE_SECONDS: wholeNumber(10, 3600)
    .default(300)
    .describe('seconds until an unused IMAP connection is closed, 10 to 3600'),
  SIGN_IN_FAILURE_MS: wholeNumber(0, 30_000)
    .default(3000)
    .describe('milliseconds a refused sign-in takes at least, 0 to 30000'),
  SIGN_IN_LIMIT: wholeNumber(1, 1000).default(10).describe('sign-in attempts for an address in 15 minutes, 1 to 1000'),
  NETWORK_LIMIT: wholeNumber(1, 100_000)
    .default(100)
    .describe('sign-in attempts from a network in 15 minutes, 1 to 100000'),
  ATTACHMENT_LIMIT_MB: wholeNumber(1, 100).default(25).describe('megabytes of attachments in one message, 1 to 100'),
  MESSAGE_LIMIT_MB: wholeNumber(1, 150)
    .default(150)
    .describe('megabytes of a message that is opened on a page, 1 to 150'),
  RECIPIENT_LIMIT: wholeNumber(1, 500).default(100).describe('recipients of one message, 1 to 500'),
  RETRY_SECONDS: wholeNumber(1, 3600).default(120).describe('seconds between attempts to submit a letter, 1 to 3600'),
  GIVE_UP_HOURS: wholeNumber(1, 240)
    .default(120)
    .describe('hours until a letter that cannot be submitted is given up, 1 to 240'),
  REVOCATION_LISTS: z
    .string()
    .default('')
    .describe('addresses of revocation lists that may be fetched, http(s)://…, separated by commas'),
  OCSP_RESPONDERS: z
    .string()
    .default('')
    .describe('addresses of OCSP responders that may be asked, http(s)://…, separated by commas'),
  FETCH_PROXY: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('http(s)://… of the proxy through which these are reached; without it directly'),
  REPORT_SERVERS: z
    .string()
    .default('')
    .describe(
      'addresses or networks of the mail servers whose delivery reports count, such as the relays, separated by commas',
    ),
  RELAY_LOGS: z
    .string()
    .default('')
    .describe("the relays' logs that this node collects: name=path of the file, separated by commas"),
  DNS_SERVERS: z
    .string()
    .default('')
    .describe(
      'addresses of the resolvers that know the network, separated by commas; without them those of the system',
    ),
  NAME_SERVERS: z
    .string()
    .default('')
    .describe(
      "addresses of the network's own name servers, separated by commas; the monitor asks them too, as resolvers go on answering for days without them",
    ),
  RELAYS: z
    .string()
    .default('')
    .describe('relays in the order of their MX records, host=address, separated by commas; the set-up check compares'),
  RELAY_SCANNERS: z
    .string()
    .default('')
    .describe(
      'clamav-milter of relays that let this node ask, relay=address:port, separated by commas; the monitor then has it look at a test message',
    ),
  SCANNER: z
    .string()
    .optional()
    .describe('clamd that scans attachments (T30): unix:/path of its socket, or tcp:127.0.0.1:3310 on this machine'),
  SCANNER_ELSEWHERE: z
    .literal('allow')
    .optional()
    .describe('allow: SCANNER may be another machine; attachments then leave this one in clear'),
  SCANNER_SECONDS: wholeNumber(1, 600).default(120).describe('seconds that scanning one attachment may take, 1 to 600'),
  SCANNER_LIMIT_MB: wholeNumber(1, 1000)
    .default(60)
    .describe('megabytes of the largest attachment that is scanned, StreamMaxLength of clamd at most, 1 to 1000'),
  SCANNER_AT_ONCE: wholeNumber(1, 100)
    .default(4)
    .describe('attachments that a node has scanned at the same time, 1 to 100'),
  MONITOR_SECONDS: wholeNumber(1, 3600)
    .default(60)
    .describe('seconds between two looks of the monitor at each server, 1 to 3600'),
  ALERT_AFTER_SECONDS: wholeNumber(1, 86_400)
    .default(300)
    .describe('seconds that something stays down until administrators are told by mail, 1 to 86400'),
  METRICS_TOKEN: z
    .string()
    .regex(/^[\w.~+/=-]{32,200}$/)
    .optional()
    .describe(
      'what Prometheus says as bearer token for /metrics, at least 32 characters; without it there is no /metrics',
    ),
  DRAIN_SECONDS: wholeNumber(0, 300)
    .default(0)
    .describe('seconds that an ending node goes on answering while /health/ready says no, 0 to 300'),
  LOG_LEVEL: z
    .enum(['silent', 'error', 'warn', 'info', 'debug'])
    .default('info')
    .describe('silent, error, warn, info or debug'),
});

export type Settings = z.infer<typeof settings>;
