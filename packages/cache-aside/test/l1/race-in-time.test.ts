import { setting } from '@turnpike/test-kit/vitest';
import { heats } from './heats.ts';

heats(setting(), 60);
