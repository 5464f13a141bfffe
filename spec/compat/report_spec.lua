-- Reports: lines for people, JSON, Markdown; the forms are what other programs read.
local json = require "opengatellm.json"
local reports = require "opengatellm.compat.report"

local REPORT = {
  version = "1.2.3", counts = { pass = 2, fail = 1, skip = 1 }, seconds = 3.25,
  providers = {
    { name = "a_b", kind = "openai", protocol = "openai_chat", address = "http://h/v1", model = "m|1", results = {
      { case = "text", verdict = "pass", ms = 311.6124, detail = "it said PONG" }, { case = "image", verdict = "skip", ms = 0.2, detail = "no <picture>" },
    } },
    { name = "c", kind = "ollama", protocol = "ollama", results = {
      { case = "text", verdict = "fail", ms = 5, detail = 'expected "PONG", got "x*y"', traceback = "secret place" }, { case = "stop", verdict = "pass", ms = 1, detail = "fine" },
    } },
  },
}

describe("the lines of a report", function()
  it("say the verdict, the case, the time and the detail", function()
    assert.equal("  [PASS] text (312 ms) - it said PONG", reports.line(REPORT.providers[1].results[1]))
    local function paint(text, colour) return ("<%s %s>"):format(colour, text) end
    local function line(verdict) return reports.line({ verdict = verdict, case = "x", ms = 1, detail = "y" }, paint) end
    assert.same({ "  <green [PASS]> x (1 ms) - y", "  <red [FAIL]> x (1 ms) - y", "  <yellow [SKIP]> x (1 ms) - y" }, { line "pass", line "fail", line "skip" })
  end)

  it("head a provider, and sum up", function()
    assert.equal("Provider: a_b (m|1) at http://h/v1", reports.heading(REPORT.providers[1]))
    assert.equal("Provider: c (no model)", reports.heading(REPORT.providers[2]))
    assert.equal("2 providers, 4 cases: 2 passed, 1 failed, 1 skipped in 3.2 s", (reports.summary(REPORT):gsub("3%.3", "3.2")))
    assert.equal("1 provider, 1 case: 1 passed, 0 failed, 0 skipped in 1.0 s; it was interrupted",
      reports.summary { providers = { {} }, counts = { pass = 1, fail = 0, skip = 0 }, seconds = 1, interrupted = true })
    assert.matches("; it ended with the first failure$", reports.summary { providers = {}, counts = { pass = 0, fail = 1, skip = 0 }, seconds = 1, stopped = true })
  end)
end)

describe("a report as JSON", function()
  it("has everything but what only a debugger reads, in an order of its own", function()
    local text = reports.json(REPORT)
    assert.same({
      version = "1.2.3", counts = { pass = 2, fail = 1, skip = 1 }, seconds = 3.25, interrupted = false, stopped = false,
      providers = {
        { name = "a_b", kind = "openai", protocol = "openai_chat", address = "http://h/v1", model = "m|1", results = {
          { case = "text", verdict = "pass", ms = 311.612, detail = "it said PONG" }, { case = "image", verdict = "skip", ms = 0.2, detail = "no <picture>" },
        } },
        { name = "c", kind = "ollama", protocol = "ollama", results = {
          { case = "text", verdict = "fail", ms = 5, detail = 'expected "PONG", got "x*y"' }, { case = "stop", verdict = "pass", ms = 1, detail = "fine" },
        } },
      },
    }, json.decode(text))
    assert.equal(1, text:find('{"version":"1.2.3","counts":{"pass":2,"fail":1,"skip":1},"seconds":3.25,"interrupted":false', 1, true))
    assert.is_nil(text:find("secret place", 1, true))
  end)

  it("has lists where nothing ran", function()
    local text = reports.json { version = "1", counts = { pass = 0, fail = 0, skip = 0 }, seconds = 0, interrupted = true, providers = { { name = "x", results = {} } } }
    assert.truthy(text:find('"interrupted":true,"stopped":false,"providers":[{"name":"x","results":[]}]', 1, true), text)
  end)
end)

describe("a report as Markdown", function()
  it("is a table of cases over providers, with what was not passed below it", function()
    assert.equal(table.concat({
      "| case | a\\_b | c |", "| --- | --- | --- |", "| model | m\\|1 | – |", "| text | PASS | FAIL |", "| stop | – | PASS |", "| image | SKIP | – |", "",
      reports.summary(REPORT), "", "- a\\_b, image: SKIP: no \\<picture\\>", '- c, text: FAIL: expected "PONG", got "x\\*y"', "",
    }, "\n"), reports.markdown(REPORT))
  end)

  it("has no notes where everything passed", function()
    local results = { { case = "text", verdict = "pass", ms = 1, detail = "" } }
    local report = { providers = { { name = "a", model = "m", results = results } }, counts = { pass = 1, fail = 0, skip = 0 }, seconds = 1 }
    assert.equal("| case | a |\n| --- | --- |\n| model | m |\n| text | PASS |\n\n" .. reports.summary(report) .. "\n", reports.markdown(report))
  end)
end)
