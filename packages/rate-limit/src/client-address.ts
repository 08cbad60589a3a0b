import { isIPv4, isIPv6 } from 'node:net';
import type { HttpRequest, Warn } from '@turnpike/core';

/** Who all requests count for whose address nobody knows: a Unix socket, a connection that is gone. */
const NO_ADDRESS = 'no-address';

/**
 * Who a request counts for when nothing better is known: its client's address, `req.ip` where Express has worked it out
 * (by its `trust proxy` setting), else the peer's. Warns, once each, of the set-ups in which that address is not the client's.
 */
export function clientAddress(req: HttpRequest, ipv6Bits: number, warn: Warn): string {
  warnOfProxies(req, warn);
  const address = req.ip ?? req.socket.remoteAddress;
  const subject = subjectOf(address, ipv6Bits);
  if (subject !== undefined) return subject;
  warn(
    'TURNPIKE_WARN_NO_ADDRESS',
    'a request came without a client address, and counts together with all others like it. Give a `key`, or a `trust proxy` setting that fits.',
  );
  return NO_ADDRESS;
}

function warnOfProxies(req: HttpRequest, warn: Warn): void {
  const trust = req.app?.get('trust proxy');
  if (trust === true) {
    warn(
      'TURNPIKE_WARN_TRUST_PROXY',
      "`trust proxy` is true: any client can choose its own address by sending X-Forwarded-For, and so its own limit. Set it to your proxies' number or addresses.",
    );
  } else if (req.headers['x-forwarded-for'] !== undefined && (trust === false || trust === undefined)) {
    warn(
      'TURNPIKE_WARN_FORWARDED_UNTRUSTED',
      'X-Forwarded-For was sent but `trust proxy` is not set: behind a proxy, all clients count as one. Set it to the number or addresses of your proxies.',
    );
  }
}

/**
 * Whom an address stands for: an IPv4 address as it is; an IPv6
 * address cut to its first `ipv6Bits` bits, since one household holds a whole /64; one that embeds an IPv4 address (`::ffff:…`,
 * what a dual-stack socket shows) as that address. Zone ids and ports are dropped. Undefined when it is none.
 */
export function subjectOf(address: string | undefined, ipv6Bits: number): string | undefined {
  if (address === undefined || isIPv4(address)) return address;
  const bare = bareAddress(address);
  if (isIPv4(bare)) return bare;
  if (!isIPv6(bare)) return undefined;
  const groups = ipv6Groups(bare);
  return embeddedIPv4(groups) ?? network(groups, ipv6Bits);
}

/** `[2001:db8::1]:443` and `192.0.2.1:443` (some proxies forward the port), `fe80::1%eth0` → the address alone. */
function bareAddress(address: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(address)?.[1] ?? address;
  const withoutPort = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(bracketed)?.[1] ?? bracketed;
  return withoutPort.replace(/%.*$/, '');
}

/** The eight 16-bit groups of a valid IPv6 address, in any spelling (RFC 4291 §2.2). */
function ipv6Groups(address: string): number[] {
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const pair = (high: string, low: string): string => ((Number(high) << 8) | Number(low)).toString(16);
    return `${pair(a, b)}:${pair(c, d)}`;
  });
  const [head = '', tail] = hex.split('::');
  const groupsOf = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
}

/**
 * What stands before an IPv4 address inside an IPv6 one: mapped (`::ffff:0:0/96`, RFC 4291 §2.5.5.2), translated
 * (`::ffff:0:0:0/96`, RFC 2765 §2.1) and NAT64 (`64:ff9b::/96`, RFC 6052 §2.1). By its bits: it is spelled in many ways.
 */
const EMBEDDING = [
  [0, 0, 0, 0, 0, 0xffff],
  [0, 0, 0, 0, 0xffff, 0],
  [0x64, 0xff9b, 0, 0, 0, 0],
];

function embeddedIPv4(groups: readonly number[]): string | undefined {
  const isEmbedded = EMBEDDING.some((prefix) => prefix.every((group, index) => groups[index] === group));
  if (!isEmbedded) return undefined;
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.');
}

function network(groups: readonly number[], bits: number): string {
  const masked = groups.map((group, index) => {
    const kept = Math.min(16, Math.max(0, bits - index * 16));
    return group & (0xffff << (16 - kept)) & 0xffff;
  });
  return `${masked.map((group) => group.toString(16)).join(':')}/${bits}`;
}
