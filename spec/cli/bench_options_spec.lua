-- The options of `ogl bench run`, from the command line and from a file.
local argparse = require "argparse"
local options = require "opengatellm.cli.bench_options"
local rules = require "opengatellm.cli.settings.rules"

local function parsed(words)
  local parser = argparse "bench"
  options.configure(parser)
  local fine, found = parser:pparse(words)
  return fine and found or nil, found
end

local function chosen(words, file)
  local found, problem = options.chosen(assert(parsed(words)), file or {})
  return found or problem
end

describe("the options of a bench", function()
  it("are lists, ranges, goals, counts and seconds", function()
    local found = chosen {
      "--concurrency", "1, 8,32", "--rate", "0.5,2", "--input-tokens", "200-400", "--output-tokens", "50", "--slo", "ttft:300",
      "--seconds", "0.5", "--ramp", "0", "--max-error-rate", "0.05", "--image", "a.png", "--image", "b.png", "--no-stream", "--seed", "7",
    }
    assert.same({ 1, 8, 32 }, found.concurrency)
    assert.same({ 0.5, 2 }, found.rates)
    assert.same({ { least = 200, most = 400 }, { least = 50, most = 50 } }, { found.input_tokens, found.output_tokens })
    assert.same({ { ttft = 300 }, 0.5, 0, 0.05, true, 7 },
      { found.slo, found.seconds, found.ramp, found.max_error_rate, found.whole, found.seed })
    assert.same({ "a.png", "b.png" }, found.images)
  end)

  it("have defaults, and none where there is no sensible one", function()
    local found = chosen {}
    assert.same({ "poisson", 30, 1, 0, 1, 1000 }, { found.arrival, found.grace, found.warmup, found.ready, found.seed, found.most })
    assert.same({ nil, nil, nil }, { found.concurrency, found.requests, found.images })
  end)

  it("that are wrong are told by their name", function()
    for words, problem in pairs {
      ["--concurrency 1,x"] = "--concurrency: expected a whole number from 1 on, got 'x'",
      ["--concurrency 0"] = "--concurrency: expected a whole number from 1 on, got '0'",
      ["--concurrency 1.5"] = "--concurrency: expected a whole number from 1 on, got '1.5'",
      ["--rate 0"] = "--rate: expected a number from 0.001 on, got '0'", ["--seed nan"] = "--seed: expected a whole number",
      ["--requests inf"] = "--requests: expected", ["--seconds 1e99"] = "--seconds: expected", ["--input-tokens 5-3"] = "--input-tokens: expected",
      ["--slo x:1"] = "--slo: 'x:1': expected", ["--arrival never"] = "--arrival: expected poisson or constant, got 'never'",
      ["--max-error-rate 2"] = "--max-error-rate: expected a share from 0 to 1, got '2'", ["--fast"] = "unknown option '--fast'",
    } do
      local list = {}
      for word in words:gmatch "%S+" do list[#list + 1] = word end
      local found, said = parsed(list)
      assert.is_nil(found, words)
      assert.truthy(said:find(problem, 1, true), said)
    end
  end)

  it("come from a file by llm_adapter's names, with numbers, lists and the texts of the command line", function()
    local found = chosen({}, {
      total_requests = 20, concurrency_levels = { 2, 4 }, input_tokens = 100, output_tokens = "50-60", slo = "e2e:5", test_interval_seconds = 3,
      whole_answers = false,
    })
    assert.same({ 20, { 2, 4 }, { e2e = 5 }, 3, false }, { found.requests, found.concurrency, found.slo, found.pause, found.whole })
    assert.same({ { least = 100, most = 100 }, { least = 50, most = 60 } }, { found.input_tokens, found.output_tokens })
    assert.matches("^benchmark.slo: 'fast': expected", chosen({}, { slo = "fast" }))
  end)

  it("of the command line win, and leave out what the file says instead of them", function()
    local file = { total_requests = 20, concurrency_levels = { 2, 4 }, prompt = "capital", seed = 9, max_tokens = 5 }
    local found = chosen({ "--rate", "3", "--seconds", "5", "--input-tokens", "10", "--seed", "1", "--output-tokens", "7" }, file)
    assert.same({ nil, { 3 }, nil, 5, nil, 1 }, { found.concurrency, found.rates, found.requests, found.seconds, found.prompt, found.seed })
    assert.is_nil(found.max_tokens)
    assert.same({ { 2, 4 }, "capital" }, { chosen({}, file).concurrency, chosen({}, file).prompt })
  end)

  it("have a rule each for files; paths are the user's own", function()
    local lines = setmetatable({}, { __index = function() return setmetatable({}, { __index = function() return 1 end }) end })
    local function problem(values, home) return rules.problem(options.rules(), values, lines, "f", home) end
    assert.is_nil(problem { total_requests = 5, rates = { 0.5 }, arrival = "constant", unique = true, input_tokens = "5-6" })
    assert.matches("total_requests: expected a whole number", problem { total_requests = 0.5 })
    assert.matches("arrival: expected one of poisson, constant", problem { arrival = "sometimes" })
    for _, values in ipairs { { prompts_file = "/etc/passwd" }, { images = { "/etc/passwd" } } } do
      assert.is_nil(problem(values))
      assert.matches("not taken from a file in the current folder", problem(values, "~/x.lua"))
    end
  end)
end)
