/** What is said when the shop is open: where, and a few lines to try. */
export const welcome = (address: string): string => `
The shop is open at ${address}   (Ctrl-C closes it)
Open it in a browser: limits, two devices, an order clicked twice, and a price that changes.

Or by hand. Eleven searches; the eleventh is 429, with Retry-After:
    for i in $(seq 11); do curl -s -o /dev/null -w '%{http_code} ' '${address}/products?q=mug'; done; echo

A product's page is rendered once and then comes from the cache; see Cache-Status and Age:
    for i in 1 2; do curl -si ${address}/products/p1 | grep -iE '^(age|cache-status)'; done

Its price changes, and the next look shows it:
    ADMIN=$(curl -s -H 'Content-Type: application/json' -d '{"email":"eve@example.com","password":"keys under the third pot"}' ${address}/login | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
    curl -s -X PUT -H "Authorization: Bearer $ADMIN" -H 'Content-Type: application/json' -d '{"priceCents":990}' ${address}/products/p1/price; curl -s ${address}/products/p1

One order, sent twice; the second answer is the first again, and says Idempotent-Replayed:
    TOKEN=$(curl -s -H 'Content-Type: application/json' -d '{"email":"bob@example.com","password":"an umbrella in the hallway"}' ${address}/login | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
    for i in 1 2; do curl -si -H "Authorization: Bearer $TOKEN" -H 'Idempotency-Key: my-first-order' -H 'Content-Type: application/json' -d '{"productId":"p1","quantity":2}' ${address}/orders; echo; done

Six guesses at one account; the sixth is not even looked at:
    for i in $(seq 6); do curl -s -o /dev/null -w '%{http_code} ' -H 'Content-Type: application/json' -d '{"email":"ann@example.com","password":"guess"}' ${address}/login; done; echo
`;
