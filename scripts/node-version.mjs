// The gate in front of npm start, npm test, npm run check and npm run build: an old Node gets one sentence instead of
// a syntax error. This file and those that import it keep to what Node 12 can parse, and load the rest with import().
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Turnpike needs Node ≥ 20.19, this is ${process.version}`);
  process.exit(1);
}
