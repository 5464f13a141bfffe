--- Real programs that speak to Ollama, at the gateway in nginx, in front of the scripted OpenGateLLM: each is asked something in a
--- folder of its own, with a home of its own, and has to say what the server's play says.
--
--   programs.lua [NAME…]      default: all
--
-- What npm cannot install is skipped. The last line is "N passed, N failed, N skipped".
local gateway = require "spec.support.nginx_gateway"
local helper = require "spec.helper"
local nginx = require "spec.support.nginx"

local QUESTION = "Quelle est la capitale de la France ?"

-- A row: its package, the file that runs, what is written before, its command line, and texts that it has to say. @ADDRESS@ is the
-- gateway's.
local PROGRAMS = {
  {
    name = "continue", package = "@continuedev/cli@1.5.47", program = "@continuedev/cli/dist/cn.js", file = "config.yaml",
    text = "name: gateway\nversion: 1.0.0\nschema: v1\nmodels:\n  - name: fast\n    provider: ollama\n    model: gpt-oss-120b\n"
      .. "    apiBase: @ADDRESS@\n    roles: [chat]\n",
    arguments = "--config config.yaml --exclude '*' -p", variables = "CONTINUE_TELEMETRY_ENABLED=0 CONTINUE_METRICS_ENABLED=0",
    says = { "La capitale de la France est Paris." },
  },
  { -- its shell tool is called, runs, and its result comes back
    name = "codex", package = "@openai/codex@0.171.0", program = "@openai/codex/bin/codex.js", file = "empty", text = "",
    arguments = "exec --oss --local-provider ollama -m gpt-oss-120b --skip-git-repo-check --sandbox read-only",
    variables = "CODEX_OSS_BASE_URL=@ADDRESS@/v1", says = { "Un outil peut répondre à cela.", "exited 127", "L'outil a répondu : " },
  },
}

local function run(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local INSTALL = "mkdir -p %s && cd %s && npm init -y >/dev/null 2>&1 && npm install --ignore-scripts --no-fund --no-audit --silent %s"

-- Installs the package; false where npm cannot.
local function install(row)
  local folder = "build/programs/" .. row.name
  local found = io.open(folder .. "/node_modules/" .. row.program)
  if found then return found:close() end
  local done = os.execute(INSTALL:format(folder, folder, row.package))
  return done == true or done == 0
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

-- What the program says to the question.
local function asked(row, address)
  local folder = helper.directory() .. "/" .. row.name
  assert(os.execute("mkdir -p " .. folder .. "/home/.codex"))
  local function filled(text) return (text:gsub("@ADDRESS@", (address:gsub("%%", "%%%%")))) end
  write(folder .. "/" .. row.file, filled(row.text))
  local here = run "pwd":gsub("%s+$", "")
  return run(("cd %s && HOME=%s/home %s timeout 120 node %s/build/programs/%s/node_modules/%s %s '%s' </dev/null 2>&1")
    :format(folder, folder, filled(row.variables), here, row.name, row.program, row.arguments, QUESTION))
end

local function missing(row, text)
  for _, words in ipairs(row.says) do
    if not text:find(words, 1, true) then return words end
  end
end

-- Tries a program; "passed", "failed" or "skipped", and what there is to say.
local function try(row, absent, address)
  if absent or not install(row) then return "skipped", absent or "npm cannot install it" end
  local text = asked(row, address)
  local words = missing(row, text)
  if words then return "failed", ("it does not say '%s':\n%s"):format(words, text) end
  return "passed", ""
end

local wanted = {}
for _, name in ipairs(arg) do wanted[name] = true end

local absent = nginx.absent()
local address = not absent and gateway.start()
local counts = { passed = 0, failed = 0, skipped = 0 }
for _, row in ipairs(PROGRAMS) do
  if wanted[row.name] or not next(wanted) then
    local outcome, why = try(row, absent, address)
    counts[outcome] = counts[outcome] + 1
    print(("%s: %s: %s"):format(outcome, row.name, why))
  end
end
print(("%d passed, %d failed, %d skipped"):format(counts.passed, counts.failed, counts.skipped))
nginx.stop()
os.exit(counts.failed == 0 and 0 or 1, true)
