-- `ogl bench` as a program: real processes, servers, files and a terminal.
local helper = require "spec.helper"
local json = require "opengatellm.json"

local KEY = "sk-secret-word"

-- The command as the shell takes it; nothing of this machine's settings counts.
local function command(arguments, url)
  return ("env -i PATH=\"$PATH\" LUA_PATH=\"$LUA_PATH\" LUA_CPATH=\"$LUA_CPATH\" XDG_CONFIG_HOME=%s/none OGL_URL=%s OGL_TOKEN=%s %s bin/ogl bench %s")
    :format(helper.directory(), url or helper.ogl(), KEY, os.getenv "OGL_LUA", arguments)
end

-- What a shell prints, and the status of its last command. Whether this machine is too busy to measure is left out.
local function run(text)
  local pipe = assert(io.popen(text .. "; echo status $?"))
  local out = pipe:read "*a":gsub("ogl: [^\n]*: its times are not to be trusted\n", "")
  pipe:close()
  return (out:gsub("status %d+\n$", "")), tonumber(out:match "status (%d+)\n$")
end

local function result_of(arguments, url)
  local out, status = run(command("run --json --no-calibration " .. arguments, url) .. " 2>/dev/null")
  return assert(json.decode(out)), status
end

describe("ogl bench run", function()
  it("measures closed and open loops, and gives a result that reports read", function()
    local result, status = result_of "--concurrency 1,4 --rate 50 --arrival constant --requests 8 --slo e2e:60000 --title trial"
    assert.equal(0, status)
    assert(require "opengatellm.bench.report".read(json.encode(result)))
    assert.same({ "trial", { e2e = 60000 }, 1, 9 }, { result.title, result.slo, #result.providers, #result.formulas })
    local provider = result.providers[1]
    assert.same({ "opengatellm", "gpt-oss-120b", 3 }, { provider.name, provider.model, #provider.runs })
    for i, label in ipairs { "1 at a time", "4 at a time", "50/s constant" } do
      local one = provider.runs[i]
      assert.same({ label, 8, 8, 0, 1, "usage", "requests", 1 },
        { one.label, one.counts.started, one.counts.success, one.counts.error, one.goodput.share, one.tokens.source, one.ended, one.warmup })
      assert.is_true(one.tokens.output > 0 and one.kwh > 0 and one.cost > 0)
      assert.equal(8, #one.samples)
      assert.is_true(one.figures.ttft.min > 0 and one.figures.ttft.min <= one.figures.ttfo.min and one.figures.ttfo.min <= one.figures.e2e.min)
    end
  end)

  it("begins and ends nothing before its time", function()
    local result = result_of("--rate 40 --arrival constant --seconds 0.5 --model m", helper.fault "slow:5")
    local one = result.providers[1].runs[1]
    assert.equal(20, one.counts.started)
    assert.is_true(one.seconds >= 0.5 and one.lag.min >= 0)
    assert.is_true(one.figures.e2e.min >= 60) -- a head and twelve texts, five milliseconds before each
    for i, sample in ipairs(one.samples) do assert.near((i - 1) / 40, sample.at, 1e-6) end
  end)

  it("asks for whole answers", function()
    local one = result_of("--no-stream --concurrency 2 --requests 4 --max-tokens 20").providers[1].runs[1]
    assert.same({ false, 4, nil }, { one.streaming, one.counts.success, one.figures.ttft })
    assert.is_true(one.figures.e2e.min > 0)
  end)

  it("tells of each run when it has ended, where that is wanted", function()
    local out = run(command "run -v --concurrency 1,2 --requests 3 --no-calibration --prompt hi" .. " 2>&1 >/dev/null")
    assert.matches("^ogl: opengatellm, 1 at a time: 3 done, 0 cut, 0 failed, 0 dropped in %d+%.%d s\nogl: opengatellm, 2 at a time: 3 done", out)
  end)

  it("sweeps", function()
    local result = result_of("--sweep 6 --sweep-rates 2 --requests 12 --prompt hi --model m", helper.fault "slow:5")
    local runs = result.providers[1].runs
    assert.same({ "1 at a time", "6 at a time" }, { runs[1].label, runs[2].label })
    assert.equal(4, #runs)
    assert.is_true(runs[1].rates.requests < runs[3].rate and runs[3].rate < runs[4].rate and runs[4].rate < runs[2].rates.requests)
  end)

  it("measures the providers of a settings file side by side, with the prompts in it", function()
    local file = helper.write(([[return {
      benchmark = { total_requests = 3, concurrency_levels = { 2 }, warmup = 0 },
      providers = {
        one = { type = "opengatellm", base_url = %q, api_key_env = "OGL_TOKEN" },
        two = { base_url = %q, api_key = %q, model = "m" },
      },
      prompts = { capital = { prompt = "Quelle est la capitale de la France ?" } },
    }]]):format(helper.ogl(), helper.fault "ok", KEY))
    local result, status = result_of("-c " .. file, "")
    assert.same({ 0, "one", "gpt-oss-120b", "two", "m" },
      { status, result.providers[1].name, result.providers[1].model, result.providers[2].name, result.providers[2].model })
    for _, provider in ipairs(result.providers) do assert.equal(3, provider.runs[1].counts.success) end
    local out = run(command("prompts -n 2 -c " .. file))
    assert.matches("^   1  about +%d+ tokens  answer at most any    user: Quelle est la capitale de la France %?\n   2 ", out)
  end)

  it("tells failures apart by kind, and has the status 1 where nothing succeeds or too much fails", function()
    local prompts = helper.write '"hi"\n"!busy"\n"!fail-midstream"'
    local result, status = result_of("--concurrency 1 --requests 9 --warmup 0 --prompts " .. prompts)
    local one = result.providers[1].runs[1]
    assert.same({ 0, 3, 6, 2 }, { status, one.counts.success, one.counts.error, #one.errors })
    assert.same({ 3, 3 }, { one.errors[1].count, #one.errors[1].samples })
    local out
    out, status = run(command("run --concurrency 1 --requests 9 --warmup 0 --max-errors 2 --no-calibration --prompts " .. prompts) .. " 2>&1 >/dev/null")
    assert.same({ "ogl: opengatellm, 1 at a time: ended, for too many requests failed\n", 1 }, { out, status })
  end)

  it("says in one line why a server is not ready, and gives the other reports all the same", function()
    local page, result = helper.write "", helper.write ""
    local out, status = run(command(("run --model m --no-calibration --html %s -o %s"):format(page, result), helper.fault "status:503") .. " 2>&1 >/dev/null")
    assert.equal(1, status)
    assert.matches("^ogl: opengatellm is not ready: opengatellm: http 503: [^\n]+\n$", out)
    assert.matches("^<!", helper.read(page))
    local provider = json.decode(helper.read(result)).providers[1]
    assert.same({ 0, "string" }, { #provider.runs, type(provider.problem) })
  end)

  it("writes no key into any report, and none of its output", function()
    local page, result = helper.write "", helper.write ""
    local prompts = helper.write '"hi"\n"!busy"'
    local arguments = ("--concurrency 2 --requests 4 --no-calibration --prompts %s "):format(prompts)
    local shown = run(command(("run %s --html %s -o %s"):format(arguments, page, result)) .. " 2>&1")
    shown = shown .. run(command("run --csv " .. arguments) .. " 2>&1") .. run(command("run --model m", helper.fault "echo") .. " 2>&1")
    for _, text in ipairs { shown, helper.read(page), helper.read(result) } do
      assert.is_true(#text > 300)
      assert.is_nil(text:find(KEY, 1, true))
    end
  end)

  it("says in one line what is wrong with what it was given", function()
    for arguments, problem in pairs {
      ["run --concurrency x"] = "ogl: --concurrency: expected a whole number from 1 on, got 'x'\n",
      ["run --json --csv"] = "ogl: --json and --csv exclude each other\n", ["fly"] = "ogl: unknown command 'fly'\n",
      ["run -c /nowhere.lua"] = "ogl: /nowhere.lua: it cannot be read: No such file or directory\n",
      ["compare /nowhere /nowhere"] = "ogl: /nowhere: No such file or directory\n", ["prompts --slo 3"] = "ogl: --slo: ",
      ["run --nonsense"] = "ogl: unknown option '--nonsense'",
    } do
      local out, status = run(command(arguments) .. " 2>&1")
      assert.equal(2, status, arguments)
      assert.equal(problem, out:sub(1, #problem))
      assert.equal(1, select(2, out:gsub("\n", "")))
    end
    assert.matches("^ogl: no server: set OGL_URL[^\n]+\n$", (run(command("run", "") .. " 2>&1")))
  end)

  it("says in one line that a report cannot be written", function()
    local asks = command "run --requests 1 --concurrency 1 --warmup 0 --no-calibration --prompt hi"
    assert.same({ "ogl: standard output: No space left on device\n", 1 }, { run(asks .. " 2>&1 >/dev/full") })
    assert.same({ "ogl: /dev/full: No space left on device\n", 1 }, { run(asks .. " -o /dev/full 2>&1 >/dev/null") })
    assert.same({ "ogl: /nowhere/x.html: No such file or directory\n", 1 }, { run(asks .. " --html /nowhere/x.html 2>&1 >/dev/null") })
    local out = run(("{ { %s; echo status $? >&3; } 2>&3 | true; } 3>&1"):format(asks))
    assert.equal("ogl: standard output: Broken pipe\nstatus 1\n", out)
  end)
end)

describe("ogl bench on a terminal", function()
  it("shows what goes on in one line, and ends at once with Ctrl-C, with what was measured until then", function()
    local url = helper.serve "ogl.lua --pace 5"
    local text, status = helper.in_terminal("exec " .. command("run --concurrency 3 --seconds 600 --grace 600 --prompt hi --no-calibration", url), "3 at a time", "\3")
    assert.equal(130, status)
    assert.matches("\r\27%[Kogl bench | opengatellm | is it ready%?", text)
    assert.matches("\r\27%[Kogl bench | opengatellm | 3 at a time | %d+ ok | %d in flight", text)
    assert.matches("\n3 at a time +%d+ +3 +0 ", text) -- done, cut, errors
    assert.is_nil(text:find("traceback", 1, true))
  end)

  it("shows nothing with --quiet, and no colour with NO_COLOR", function()
    local asks = command "run --requests 1 --concurrency 1 --no-calibration --prompt hi"
    local text = helper.in_terminal(asks .. " --quiet")
    assert.is_nil(text:find("is it ready", 1, true))
    assert.truthy(text:find("\27[1m", 1, true))
    assert.is_nil(helper.in_terminal((asks:gsub("env %-i", "env -i NO_COLOR=1")) .. " --quiet"):find("\27", 1, true))
  end)
end)

it("ogl bench run ends with Ctrl-C while it still asks which models there are", function()
  local id = helper.id()
  local asks = command("run --no-calibration", helper.fault("stall_head:" .. id))
  local process = assert(io.popen(("{ sh -c 'echo $$; exec %s' 2>&1; echo status $?; }"):format((asks:gsub("'", "'\\''")))))
  local pid = process:read "*l"
  assert.is_true(helper.eventually(function() return #helper.requests(id) > 0 end))
  os.execute("kill -INT " .. pid)
  assert.equal("status 130\n", process:read "*a")
  process:close()
end)

describe("ogl bench compare", function()
  it("says what changed between two results", function()
    local path = helper.write ""
    run(command("run --requests 6 --concurrency 2 --no-calibration --prompt hi -o " .. path))
    local out, status = run(command(("compare %s %s"):format(path, path)) .. " 2>&1")
    assert.equal(0, status, out)
    out, status = run(command("compare " .. path .. " " .. helper.write "{}") .. " 2>&1")
    assert.same({ 2, 1 }, { status, select(2, out:gsub("\n", "")) })
  end)
end)

describe("ogl bench config", function()
  it("writes an example that ogl bench reads, and never over a file", function()
    local path = helper.directory() .. "/" .. helper.id() .. ".lua"
    assert.same({ "", 0 }, { run(command("config -o " .. path) .. " 2>&1") })
    local out, status = run(command("prompts -n 2 -c " .. path) .. " 2>&1")
    assert.equal(0, status, out)
    assert.same({ ("ogl: %s: File exists\n"):format(path), 1 }, { run(command("config -o " .. path) .. " 2>&1") })
    assert.equal(helper.read(path), (run(command "config")))
  end)
end)
