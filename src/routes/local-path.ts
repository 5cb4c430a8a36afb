/** A path of this application to go on to; anything that could lead elsewhere becomes `/`. */
export function localPath(given: string | undefined): string {
  if (!given || !/^\/(?![/\\])[^\s\\]*$/.test(given)) return '/';
  // Not back to the page that asks the same question again.
  return /^\/(sign-in|sign-out|keys\/unlock)/.test(given) ? '/' : given;
}
