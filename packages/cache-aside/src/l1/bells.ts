import { BELL } from '../places.ts';
import type { Way } from './wire.ts';

/** What a pattern of Redis takes for more than itself. No more than that: a rule for its user names the pattern letter for letter. */
const GLOB = /[\\*?[]/g;

/**
 * What the scripts of this cache publish as they write: of a Cluster any node hears it of all. It does not hear of what others
 * write into its keys, of evictions and expiries: what these take away was true.
 */
export const bells = (stem: string): Way => ({
  name: 'publish',
  listen(connection, ears) {
    connection.on('pmessage', (_pattern: string, channel: string) => ears.changed(channel.slice(0, -BELL.length)));
  },
  async arm(connection) {
    await connection.psubscribe(`${stem.replaceAll(GLOB, '\\$&')}*${BELL}`);
  },
});
