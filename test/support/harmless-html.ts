import assert from 'node:assert/strict';

/** What no sanitised HTML may hold, whatever came in. */
export function assertHarmless(html: string): void {
  for (const [, tag = '', attributes = ''] of html.matchAll(/<\/?([^\s>]*)([^>]*)>/g)) {
    assert.match(tag, /^[a-z0-9]+$/, html);
    assert.ok(!/^(?:script|style|svg|math|iframe|object|embed|form|input|meta|link|base|template)$/.test(tag), html);
    for (const [, name = '', value = ''] of attributes.matchAll(/\s([^\s=>]+)(?:="([^"]*)")?/g)) {
      assert.ok(!/^(?:on|id$|class$|name$|srcset$|background$|formaction$|xlink)/i.test(name), html);
      if (name === 'style') assert.ok(!/url|var|expression|position|\\|@|\/\*/i.test(value), html);
      if (name === 'href') assert.match(value, /^(?:https?|mailto):/, html);
      if (name === 'src') assert.match(value, /^data:image\/(?:png|jpeg|gif|webp);base64,/, html);
    }
  }
}
