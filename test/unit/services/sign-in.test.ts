import assert from 'node:assert/strict';
import { it } from 'node:test';
import { subscriberOf } from '../../../src/services/sessions/sign-in.ts';

it('attempts from one IPv6 subscriber are counted together, however he changes his address', () => {
  assert.equal(subscriberOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
  assert.equal(subscriberOf('2001:DB8:1:2::9'), '2001:db8:1:2::/64');
  assert.equal(subscriberOf('2001:0db8:0001:0002::'), '2001:db8:1:2::/64');
  assert.notEqual(subscriberOf('2001:db8:1:3::9'), '2001:db8:1:2::/64');
  assert.equal(subscriberOf('::1'), '0:0:0:0::/64');
  assert.equal(subscriberOf('fe80::1%eth0'), 'fe80:0:0:0::/64');
  assert.equal(subscriberOf('192.0.2.7'), '192.0.2.7');
  assert.equal(subscriberOf('::ffff:192.0.2.7'), '192.0.2.7');
});
