export { type Ended, onEnd } from './on-end.ts';
export { type Completion, type RecordOptions, record } from './recorder.ts';
export { type RecordedHeader, type Recording, packRecording, unpackRecording } from './recording.ts';
export { replay } from './replay.ts';
export { OF_CONNECTION, isStored, storedHeaders } from './stored-header.ts';
