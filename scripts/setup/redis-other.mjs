// Servers of other versions than this machine's, for the matrix: Debian's package where this is Debian, and otherwise what the
// official image holds, where a Docker engine answers.
import { fetchServerOf, hasRelease } from './redis-debian.mjs';
import { dockerAnswers, serverOfImage } from './redis-docker.mjs';

/**
 * `{ path }`, or `{ missing, isKnown }`: why there is none, and whether that is how this machine is (`isKnown`), or something
 * that ought to have worked.
 */
export async function otherServer({ server, release, image }) {
  const isDebian = await hasRelease(release);
  const packaged = isDebian ? await fetchServerOf(release, server) : undefined;
  if (packaged) return { path: packaged };

  const hasDocker = process.platform === 'linux' && (await dockerAnswers());
  const unpacked = hasDocker ? await serverOfImage(image, server) : undefined;
  if (unpacked) return { path: unpacked };

  if (!isDebian && !hasDocker) return { missing: 'this is not Debian, and no Docker answers', isKnown: true };
  const tried = [isDebian && `Debian’s ${release}`, hasDocker && `the image ${image}`].filter(Boolean).join(' and ');
  return { missing: `${tried} gave no ${server} that runs here`, isKnown: false };
}
