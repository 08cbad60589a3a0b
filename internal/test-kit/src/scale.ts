/** `full` when `TURNPIKE_SCALE=full` (that is `npm run test:full`), otherwise `quick`. */
export const scale = <T>({ quick, full }: { quick: T; full: T }): T =>
  process.env['TURNPIKE_SCALE'] === 'full' ? full : quick;
