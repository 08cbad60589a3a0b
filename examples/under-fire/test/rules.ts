import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (file: string): string => readFileSync(join(import.meta.dirname, file), 'utf8').trim();

/** What docs/redis.md says of a user: lines of an ACL file, of one server and of a Cluster. */
export const RULE = read('docs/users.acl');
export const RULE_OF_CLUSTER = read('docs/cluster.acl');

const partsOf = (rule: string): string[] => rule.split(' ').slice(2);

export const PARTS = partsOf(RULE);
/** What a Cluster asks besides. */
export const MORE_OF_CLUSTER = partsOf(RULE_OF_CLUSTER).filter((part) => !PARTS.includes(part));

const added = [...read('../../../docs/redis.md').matchAll(/`(&\S+(?: \+[\w|]+)+)`/g)].map(([, parts]) =>
  parts!.split(' '),
);
/** What the page has added with `l1`, by how that hears. */
export const WITH_L1 = { tracking: added[0] ?? [], publish: added[1] ?? [] };

/** Who the rules are of. The prefix is the one they name. */
export const USER = {
  username: RULE.split(' ')[1]!,
  password: PARTS.find((part) => part.startsWith('>'))!.slice(1),
};
export const NAMED_PREFIX = 'turnpike';

/** A rule, and what is added to it, as a line of redis.conf, which is written as one of an ACL file. */
export const inConfig = (rule: string, added: readonly string[] = []): Record<string, string> => ({
  user: [rule.slice('user '.length), ...added].join(' '),
});
