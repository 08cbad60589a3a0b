export { type Ended, onEnd } from './on-end.ts';
