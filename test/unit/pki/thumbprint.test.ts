import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareThumbprint, formatThumbprint } from '../../../src/pki/thumbprint.ts';

const certificate = { sha1: '0123456789abcdef0123456789abcdef01234567', sha256: 'ab12'.repeat(16) };

test('T08 a thumbprint is shown in groups of four', () => {
  assert.equal(formatThumbprint(certificate.sha1), '0123 4567 89AB CDEF 0123 4567 89AB CDEF 0123 4567');
});

test('T08 a typed thumbprint is equal whatever separates its digits', () => {
  const groups = certificate.sha256.match(/../g) ?? [];
  assert.equal(compareThumbprint(groups.join(':').toUpperCase(), certificate), 'equal');
  assert.equal(compareThumbprint(`\u200e${groups.join('\u00a0')}\r\n`, certificate), 'equal');
  assert.equal(compareThumbprint(groups.join('\u2011'), certificate), 'equal');
  assert.equal(compareThumbprint(certificate.sha1.replace(/../g, '$& '), certificate), 'equal');
});

test('T08 anything else is told apart by kind, never by place', () => {
  assert.equal(compareThumbprint(certificate.sha256.replace(/.$/, '3'), certificate), 'different');
  assert.equal(compareThumbprint(certificate.sha256.slice(1), certificate), 'incomplete');
  assert.equal(compareThumbprint(`${certificate.sha256}0`, certificate), 'too-long');
  assert.equal(compareThumbprint('xyz', certificate), 'not-hex');
  assert.equal(compareThumbprint('а'.repeat(64), certificate), 'not-hex'); // Cyrillic
  assert.equal(compareThumbprint(' : ', certificate), 'empty');
});
