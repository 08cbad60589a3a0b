// One process of the app. Started as a member of a fleet.
import { createApp } from '../app.ts';
import { serve } from './serving.ts';

await serve(createApp);
