import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Nothing but our own files may run, be shown or be spoken to; the router says it too. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Puts the policy into the built page; the development server needs inline scripts. */
const contentSecurityPolicy: Plugin = {
  name: "content-security-policy",
  apply: "build",
  transformIndexHtml: () => [
    {
      tag: "meta",
      attrs: { "http-equiv": "Content-Security-Policy", content: POLICY },
      injectTo: "head-prepend",
    },
  ],
};

/** Writes `x.js.br` and `x.js.gz` beside `x.js`: the router sends them as they are. */
const compressedBeside: Plugin = {
  name: "compressed-beside",
  apply: "build",
  writeBundle({ dir = "" }, bundle) {
    for (const name of Object.keys(bundle)) {
      const file = join(dir, name);
      const content = readFileSync(file);
      if (!/\.(js|css|html|svg)$/.test(name) || content.length < 1024) continue;
      writeFileSync(`${file}.br`, brotliCompressSync(content));
      writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
    }
  },
};

export default defineConfig({
  base: "./",
  plugins: [react(), contentSecurityPolicy, compressedBeside],
  build: { target: "es2022", chunkSizeWarningLimit: 1000 },
  server: {
    // The stack that `npm run dev` talks to, e.g. HEDDLE_ROUTER=ws://127.0.0.1:8080
    proxy: { "/ws": { target: process.env.HEDDLE_ROUTER ?? "ws://127.0.0.1:8080", ws: true } },
  },
});
