local made = require "spec.support.bench_result"
local report = require "opengatellm.bench.report"

-- Reads CSV as RFC 4180 says: a list of rows, each a list of fields.
local function read(text)
  local rows, row, at = {}, {}, 1
  while at <= #text do
    local field, behind
    if text:sub(at, at) == '"' then
      local from = at + 1
      local close = from
      while text:sub(close, close + 1) == '""' or text:sub(close, close) ~= '"' do close = close + (text:sub(close, close + 1) == '""' and 2 or 1) end
      field, behind = text:sub(from, close - 1):gsub('""', '"'), close + 1
    else
      field, behind = text:match("^([^,\r\n\"]*)()", at)
    end
    row[#row + 1] = field
    if text:sub(behind, behind + 1) == "\r\n" then
      rows[#rows + 1], row, behind = row, {}, behind + 1
    else
      assert(text:sub(behind, behind) == ",", "a field ends at " .. behind)
    end
    at = behind + 1
  end
  return rows
end

local function by_name(rows, i)
  local values = {}
  for place, name in ipairs(rows[1]) do values[name] = rows[i][place] end
  return values
end

describe("CSV", function()
  it("has a row for each run, and each row as many fields as there are names", function()
    local rows = read(report.csv(made.two()))
    assert.equal(1 + 10, #rows)
    for _, row in ipairs(rows) do assert.equal(#rows[1], #row) end
  end)

  it("has the figures of a run under their names", function()
    local result = made.two()
    local run = result.providers[2].runs[5]
    local values = by_name(read(report.csv(result)), 11)
    assert.same({ "local", "vllm", "5/s poisson", "open", "5", "true" }, { values.name, values.provider, values.label, values.mode, values.rate, values.corrected })
    assert.equal(("%.10g"):format(run.figures.ttft.p99), values.ttft_p99)
    assert.equal(("%.10g"):format(run.rates.output_tokens), values.rates_output_tokens)
    assert.same({ "22", "0", "1.5", "" }, { values.counts_error, values.counts_dropped, values.lag_max, values.concurrency })
  end)

  it("quotes what would end a field, and has no formula that a spreadsheet would run", function()
    local run = made.closed({ ttft = 10, itl = 1 }, 1, 2)
    for _, case in ipairs { 'a,b', 'say "no"', "two\r\nlines", "@cf/meta/llama", "-5", "通义" } do
      run.label = case
      assert.equal(case, by_name(read(report.csv(made.result { { name = "n", runs = { run } } })), 2).label)
    end
    for _, case in ipairs { '=HYPERLINK("http://x")', "=cmd|'/c calc'!A1", "@SUM(A1)", "+1+cmd|' /c'!A0" } do
      run.label = case
      assert.equal("'" .. case, by_name(read(report.csv(made.result { { name = "n", runs = { run } } })), 2).label)
    end
  end)
end)
