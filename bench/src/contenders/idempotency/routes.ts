import express, { type Express, type RequestHandler } from 'express';

/** How a contender stands before the handler of an order. */
export interface Once {
  readonly before: RequestHandler;
  /** True where its own rules let the handler be called for an answer that has been sent: then nothing is to be done. */
  isAnswered?(req: Parameters<RequestHandler>[0]): boolean;
}

/** The route of all: an order, and how often it was placed. */
export function orderApp({ before, isAnswered = () => false }: Once): Express {
  const app = express();
  let placed = 0;
  app.post('/orders', express.json(), before, (req, res) => {
    if (isAnswered(req)) return;
    placed += 1;
    const { productId, quantity } = req.body as { productId: string; quantity: number };
    res.status(201).json({ id: `order-${placed}`, productId, quantity, total: 1200 * quantity });
  });
  app.get('/placed', (_req, res) => void res.json({ placed }));
  return app;
}
