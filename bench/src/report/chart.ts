import type { CaseReport, Row, Run } from './figures.ts';
import { figure } from './markdown.ts';

/** What the chart shows: of each package the thing it does most. */
const SHOWN = [
  'rate-limit/allow-1',
  'single-session/guard',
  'idempotency/replay',
  'cache-aside/l2-hit',
  'cache-aside/response-hit',
];

const [WIDTH, LABELS, BARS, LINE, HEAD] = [760, 270, 400, 20, 34];

/**
 * CPU time that each contender adds to a request, as bars. Its colours are readable on white and on black, and it follows
 * the reader's scheme where the page that shows it lets it.
 */
export function chart(run: Run): string {
  const cases = SHOWN.flatMap((id) => run.suites.flatMap((suite) => suite.cases.filter((one) => one.id === id)));
  const longest = Math.max(...cases.flatMap(({ rows }) => rows.map(({ addedUs }) => addedUs.median)), 1);
  let y = 44;
  const groups = cases.map((one) => {
    const drawn = group(one, y, longest);
    y += HEAD + LINE * shown(one).length;
    return drawn;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 8}" width="${WIDTH}" role="img" aria-labelledby="title">
<title id="title">CPU time added to a request, in µs, by Turnpike and by what people use today. Shorter is better.</title>
<style>
  text { font: 13px system-ui, sans-serif; fill: #57606a }
  .head { font-weight: 600; fill: #24292f }
  .ours { font-weight: 600; fill: #0969da }
  rect { fill: #afb8c1 }
  rect.ours { fill: #218bff }
  @media (prefers-color-scheme: dark) {
    text { fill: #8b949e }
    .head { fill: #e6edf3 }
    .ours { fill: #58a6ff }
    rect { fill: #484f58 }
    rect.ours { fill: #388bfd }
  }
</style>
<text class="head" x="0" y="16">CPU time added to a request, in µs. Shorter is better.</text>
<text x="0" y="34">Over bare Express, median of all rounds. ${escaped(dateOf(run))}</text>
${groups.join('\n')}
</svg>
`;
}

const shown = ({ rows }: CaseReport): Row[] => rows.filter(({ role }) => role !== 'bare');

function group(one: CaseReport, top: number, longest: number): string {
  const bars = shown(one).map(({ name, role, addedUs }, index) => {
    const y = top + HEAD + LINE * index;
    const ours = role === 'turnpike' ? ' class="ours"' : '';
    const width = Math.max((addedUs.median / longest) * BARS, 1).toFixed(1);
    return `<text${ours} x="${LABELS - 8}" y="${y}" text-anchor="end">${escaped(name)}</text>
<rect${ours} x="${LABELS}" y="${y - 11}" width="${width}" height="14" rx="2"/>
<text${ours} x="${LABELS + Number(width) + 6}" y="${y}">${figure(addedUs.median)}</text>`;
  });
  return `<text class="head" x="0" y="${top + HEAD - 18}">${escaped(one.title)}</text>\n${bars.join('\n')}`;
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

const dateOf = ({ machine: { date, cpu, cores, node, redis } }: Run): string =>
  `${date}: ${cores} cores of ${cpu}, Node ${node}, Redis ${redis}.`;
