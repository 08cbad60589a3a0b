// One process that signs a user in, and verifies what it is told to.
import { singleSession } from '@turnpike/single-session';
import { runMember } from '@turnpike/test-kit';
import { Redis } from 'ioredis';

await runMember(async ({ args, send, onMessage }) => {
  const { url, prefix, jwt, userId } = args;
  const sessions = singleSession({ redis: new Redis(url), prefix, jwt, deadlineMs: 5000 });
  const { token } = await sessions.login(userId);
  onMessage(async (asked) => {
    const fate = await sessions.verify(asked).then(
      () => 'live',
      ({ reason }) => reason,
    );
    send({ fate });
  });
  send({ token });
  await new Promise(() => undefined);
});
