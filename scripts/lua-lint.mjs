// The rules a Lua script of ours keeps, so that its header can be believed. Each rule answers with sentences; none means clean.
//
//   -- take: what it does, in a sentence
//   -- KEYS[1]  state — what it is
//   -- ARGV[1]  notAfterUs — integer, what it means and its unit
//   -- returns  {'allow', used, resetMs}
//   -- cost     what it asks of Redis
//   -- keeps    the invariant
import luaparse from 'luaparse';

const LANGUAGE = [
  'KEYS',
  'ARGV',
  'redis',
  'cmsgpack',
  'struct',
  'cjson',
  'math',
  'string',
  'table',
  'ipairs',
  'pairs',
  'tonumber',
  'unpack',
  'error',
];

const parse = (source) => luaparse.parse(source, { luaVersion: '5.1', scope: true, comments: false });

function* nodes(node) {
  if (Array.isArray(node)) for (const child of node) yield* nodes(child);
  else if (node !== null && typeof node === 'object') {
    if (typeof node.type === 'string') yield node;
    for (const [name, child] of Object.entries(node)) if (name !== 'globals') yield* nodes(child);
  }
}

/** The names a piece of Lua uses without defining them. */
export const freeNames = (source) => new Set(parse(source).globals.map(({ name }) => name));

function header(source) {
  const lines = [];
  for (const line of source.split('\n')) {
    if (!line.startsWith('--')) break;
    lines.push(line.replace(/^--\s?/, ''));
  }
  const matches = (pattern) => lines.map((line) => pattern.exec(line)).filter(Boolean);
  return {
    purpose: lines[0] ?? '',
    slots: matches(/^(KEYS|ARGV)\[(\d+)(\.\.)?\]\s+(\w+) — (.+)$/).map(([, table, index, rest, name, what]) => ({
      slot: `${table}[${index}]`,
      name,
      what,
      rest: rest !== undefined,
    })),
    returns: matches(/^returns\s+\{'([\w-]+)'([^}]*)\}/).map(([, tag, fields]) => `${tag}/${fields.split(',').length}`),
    cost: matches(/^cost\s+\S/).length === 1,
    keeps: matches(/^keeps\s+\S/).length === 1,
  };
}

const isCall = (node, object, method) =>
  node.type === 'CallExpression' &&
  node.base.type === 'MemberExpression' &&
  node.base.base.name === object &&
  node.base.identifier.name === method;

const text = (node) => (node?.type === 'StringLiteral' ? (node.value ?? node.raw.slice(1, -1)) : undefined);

const slotOf = (node) =>
  node.type === 'IndexExpression' && ['KEYS', 'ARGV'].includes(node.base.name)
    ? `${node.base.name}[${node.index.type === 'NumericLiteral' ? node.index.value : '?'}]`
    : undefined;

/** `local name = KEYS[1]`, `local name = tonumber(ARGV[1])`: which slot a local is read from, and as what. */
function slotReads(ast) {
  const reads = [];
  for (const node of nodes(ast)) {
    if (node.type !== 'LocalStatement') continue;
    node.variables.forEach((variable, index) => {
      const value = node.init[index];
      if (value === undefined) return;
      const number = value.type === 'CallExpression' && value.base.name === 'tonumber';
      const slot = slotOf(number ? value.arguments[0] : value);
      if (slot !== undefined) reads.push({ slot, name: variable.name, number });
    });
  }
  return reads;
}

function slotComplaints(ast, slots) {
  const complaints = [];
  const reads = slotReads(ast);
  const used = [...nodes(ast)].map(slotOf).filter(Boolean);
  for (const slot of new Set(used)) {
    const documented = slot.endsWith('[?]')
      ? slots.some(({ rest, slot: name }) => rest && name.startsWith(slot.slice(0, 4)))
      : slots.some(({ slot: name }) => name === slot);
    if (!documented) complaints.push(`uses ${slot}, which the header does not name`);
  }
  for (const { slot, name, what, rest } of slots) {
    if (rest || what.startsWith('unread')) continue;
    const read = reads.find((candidate) => candidate.slot === slot);
    if (read === undefined) complaints.push(`the header names ${slot} ${name}, but no local reads it`);
    else if (read.name !== name) complaints.push(`${slot} is "${name}" in the header and "${read.name}" in the body`);
    else if (slot.startsWith('ARGV') && what.startsWith('integer') !== read.number)
      complaints.push(
        `${slot} ${name} is ${what.split(',')[0]} in the header, and ${read.number ? '' : 'not '}a tonumber`,
      );
    if (used.filter((candidate) => candidate === slot).length > 1) complaints.push(`reads ${slot} more than once`);
  }
  return complaints;
}

function replyComplaints(ast, documented) {
  const found = new Set();
  for (const node of nodes(ast)) {
    if (node.type !== 'ReturnStatement' || node.arguments[0]?.type !== 'TableConstructorExpression') continue;
    const fields = node.arguments[0].fields;
    const tag = text(fields[0]?.value);
    if (tag !== undefined) found.add(`${tag}/${fields.length}`);
  }
  return [
    ...[...found].filter((reply) => !documented.includes(reply)).map((reply) => `returns ${reply}, not in the header`),
    ...documented.filter((reply) => !found.has(reply)).map((reply) => `the header promises ${reply}, never returned`),
  ];
}

/** Whatever a file is for: only known names, no pcall, no µs through tostring. */
function bodyComplaints(ast, known) {
  const allowed = new Set([...LANGUAGE, ...known]);
  const complaints = ast.globals.map(({ name }) => name).filter((name) => !allowed.has(name));
  return [
    ...[...new Set(complaints)].map((name) => `uses the unknown global "${name}"`),
    ...([...nodes(ast)].some((node) => isCall(node, 'redis', 'pcall')) ? ['uses redis.pcall: let it fail'] : []),
  ];
}

export function lintScript(source, verb, known) {
  const ast = parse(source);
  const said = header(source);
  const grants = said.slots.some(({ slot, name }) => slot === 'ARGV[1]' && name === 'notAfterUs');
  const firstWrite = source.search(/redis\.call\('(SET|HSET|DEL|HDEL|PEXPIRE|INCRBY)'/);
  const lateCheck = source.indexOf("return { 'late', now }");
  return [
    ...(said.purpose.startsWith(`${verb}: `) ? [] : [`the header must begin "-- ${verb}: <what it does>"`]),
    ...(said.cost ? [] : ['the header has no "cost" line']),
    ...(said.keeps ? [] : ['the header has no "keeps" line']),
    ...slotComplaints(ast, said.slots),
    ...replyComplaints(ast, said.returns),
    ...bodyComplaints(ast, known),
    ...(grants && (lateCheck < 0 || (firstWrite >= 0 && firstWrite < lateCheck))
      ? ["takes notAfterUs but does not answer { 'late', now } before its first write"]
      : []),
    ...(source.includes("'HMGET', 'turnpike") || /settable/i.test(source) ? ['holds the test clock'] : []),
  ];
}

export function lintFragment(source, name, known) {
  const ast = parse(source);
  const [statement, ...more] = ast.body;
  const isFunction =
    statement?.type === 'FunctionDeclaration' && statement.isLocal && statement.identifier.name === name;
  return [
    ...(isFunction && more.length === 0 ? [] : [`must define one thing: local function ${name}`]),
    ...(header(source).purpose.startsWith(`${name}: `) ? [] : [`the header must begin "-- ${name}: <what it does>"`]),
    ...bodyComplaints(ast, known),
  ];
}
