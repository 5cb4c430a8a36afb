/** A path of this application to go on to; anything that could lead elsewhere becomes `/`. */
export function localPath(given: string | undefined): string {
  // Printable ASCII, as a browser writes addresses: nothing else can stand in a Location header.
  if (!given || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(given)) return '/';
  // Not back to the page that asks the same question again.
  return /^\/(sign-in|sign-out|keys\/unlock)/.test(given) ? '/' : given;
}
