import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesUnder, root } from './setup/workspace.mjs';

const sources = filesUnder(join(root, 'packages'))
  .filter((file) => /^[^/]+\/src\/.*\.ts$/.test(file) && !/\.(test|gen)\.ts$/.test(file))
  .map((file) => ({ file, text: readFileSync(join(root, 'packages', file), 'utf8') }));

const allIn = (files, pattern) =>
  new Set(files.flatMap(({ text }) => [...text.matchAll(pattern)].map(([, code]) => code)));

describe('docs/errors.md', () => {
  const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');
  const documented = new Set([...page.matchAll(/^### (\S+)$/gm)].map(([, code]) => code));
  const coded = allIn(sources, /'((?:ERR_TURNPIKE|TURNPIKE_WARN)_\w+)'/g);
  const refusals = allIn(
    sources.filter(({ file }) => file.endsWith('/refusal.ts')),
    /'([a-z]+(?:_[a-z]+)+)'/g,
  );

  it('has an entry for every code there is, and for none that is not', () => {
    expect(coded.size).toBeGreaterThan(10);
    expect(refusals.size).toBeGreaterThan(2);
    expect([...documented].toSorted()).toEqual(
      [...coded, ...refusals].toSorted((one, other) => (one < other ? -1 : 1)),
    );
  });

  it('has no code that is declared and never used', () => {
    const unused = [...coded].filter((code) => sources.flatMap(({ text }) => text.split(code).slice(1)).length < 2);
    expect(unused).toEqual([]);
  });
});

describe('the pages', () => {
  const pages = filesUnder(root)
    .filter((file) => file.endsWith('.md') && !/CHANGELOG|\.changeset/.test(file))
    .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

  it('link to files that exist', () => {
    const broken = pages.flatMap(({ file, text }) =>
      [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
        .map(([, target]) => join(dirname(file), target))
        .filter((target) => {
          try {
            readdirSync(join(root, dirname(target)));
            return !readdirSync(join(root, dirname(target))).includes(target.split('/').at(-1)) && target !== '.';
          } catch {
            return true;
          }
        })
        .map((target) => `${String(file)}: ${target}`),
    );
    expect(pages.length).toBeGreaterThan(6);
    expect(broken).toEqual([]);
  });

  /** Code is of a file that a test uses; what is typed into a shell has a test of its own. */
  it('show code and configuration that a test runs, and no other', () => {
    const folders = ['packages', 'examples'].flatMap((above) =>
      readdirSync(join(root, above)).flatMap((name) => ['src', 'test'].map((below) => join(root, above, name, below))),
    );
    const files = folders
      .filter((folder) => existsSync(folder))
      .flatMap((folder) => filesUnder(folder).map((file) => join(folder, file)))
      .filter((file) => /\.(ts|js|mjs|conf|acl|sql)$/.test(file))
      .map((file) => readFileSync(file, 'utf8').trim());
    const shown = pages
      .filter(({ file }) => /^(README\.md$|docs[\\/]|packages[\\/])/.test(file))
      .flatMap(({ file, text }) =>
        [...text.matchAll(/```(\w+)\n([\s\S]*?)\n```/g)].map(([, language, code]) => ({ file, language, code })),
      )
      .filter(({ language }) => language !== 'sh');
    expect(shown.length).toBeGreaterThan(30);
    expect(shown.filter(({ code }) => !files.includes(code.trim()))).toEqual([]);
  });

  it.each([
    [
      'rate-limit',
      ['policy.ts', 'limiter-options.ts', 'middleware.ts'],
      /interface (?:PolicyOptions|LimiterSettings|RequestOptions) \{/,
      20,
    ],
    ['single-session', ['options.ts'], /interface SingleSessionOptions \{/, 12],
    ['idempotency', ['options.ts'], /interface IdempotencyOptions \{/, 17],
    [
      'cache-aside',
      ['cache-options.ts', 'freshness.ts', 'express/options.ts'],
      /interface (?:CacheSettings|Freshness|PageOptions) \{/,
      18,
    ],
  ])('of %s name every option', (name, files, heading, least) => {
    const readme = readFileSync(join(root, 'packages', name, 'README.md'), 'utf8');
    const bodies = files
      .map((file) => readFileSync(join(root, 'packages', name, 'src', file), 'utf8'))
      .flatMap((text) => [...text.matchAll(new RegExp(`${heading.source}([\\s\\S]*?)\\n\\}`, 'g'))]);
    const options = bodies.flatMap(([, body]) => [...body.matchAll(/^ {2}(\w+)\??[(:]/gm)].map(([, option]) => option));
    expect(options.length).toBeGreaterThan(least);
    expect(options.filter((option) => !readme.includes(`\`${option}`))).toEqual([]);
  });
});
