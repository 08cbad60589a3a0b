// The client of node-redis 3 has no types of its own. Of it: what apicache is handed.
declare module 'redis3' {
  export function createClient(options: { host: string; port: number }): object;
}
