local browser = require "spec.support.browser"
local made = require "spec.support.bench_result"
local report = require "opengatellm.bench.report"
local style = require "opengatellm.bench.report.style"

-- How often a plain text stands in another.
local function count(text, part)
  local n, at = 0, 1
  while true do
    local from, to = text:find(part, at, true)
    if not from then return n end
    n, at = n + 1, to + 1
  end
end

describe("the page of a report", function()
  local page = report.html(made.two())

  it("shows each provider, each run and each formula", function()
    for _, text in ipairs {
      "albert", "gpt-oss-120b", "https://albert.example", "mistral-small", "32 at a time", "2.5/s poisson", "(last event − start) ÷ output tokens",
      "Not corrected.", "Corrected.", "SLO 300 ms", "310 µs", "Linux 6.1 x86_64", "libcurl/7.88.1 OpenSSL/3.0", "2026-11-29T13:00:00Z", "timeout: no byte for 30 s",
    } do
      assert.truthy(page:find(text, 1, true), text)
    end
  end)

  it("asks for nothing from elsewhere and runs nothing", function()
    for _, word in ipairs { "<script", "<link", "<img", "<iframe", "<object", "url(http", "@import", " src=", " href=", " onload=", "javascript:" } do
      assert.is_nil(page:find(word, 1, true), word)
    end
    assert.truthy(page:find("default-src &#39;none&#39;", 1, true))
  end)

  it("has a drawing for each figure and rate by level, for three levels over time, and for the ends", function()
    local closed = page:match "Closed loop</h2>(.-)</section>"
    assert.equal(4 + 2 + 3 + 3 + 1, count(closed, "<figure>"))
    local open = page:match "Open loop</h2>(.-)</section>"
    assert.equal(4 + 2 + 2 + 2 + 1, count(open, "<figure>"))
  end)

  it("draws values where they belong", function()
    local runs = {}
    for i, value in ipairs { 50, 100 } do
      runs[i] = made.closed({ ttft = 100, itl = 10 }, i, 4)
      runs[i].figures = { ttft = { n = 4, p50 = value, p90 = 150, p99 = 200, max = 200 } }
      runs[i].rates = { output_tokens = value }
    end
    local drawings = {}
    for drawing in report.html(made.result({ { name = "one", runs = runs } }, { slo = { ttft = 150 } })):gmatch "<svg [^>]*class=\"chart\".-</svg>" do
      drawings[#drawings + 1] = drawing
    end
    -- an axis from 0 at 206 to 200 at 24; two levels on one from 46 to 432
    for _, mark in ipairs { "translate(142.5 160.5)", "translate(335.5 115.0)", 'points="142.5,160.5 335.5,115.0"', "M142.5 160.5V24.0M139.5 69.5h6", 'y1="69.5"' } do
      assert.truthy(drawings[1]:find(mark, 1, true), mark)
    end
    assert.truthy(drawings[1]:find("<title>1 at a time: p50 50, p90 150, p99 200, max 200 ms (4 values)</title>", 1, true))
    for _, mark in ipairs { "translate(142.5 115.0)", "translate(335.5 24.0)" } do assert.truthy(drawings[2]:find(mark, 1, true), mark) end
  end)

  it("leaves out what was not measured", function()
    local run = made.closed({ ttft = 100, itl = 10 }, 1, 5)
    run.streaming = false
    for _, name in ipairs { "ttft", "itl", "user_rate" } do run.figures[name] = nil end
    local text = report.html(made.result({ { name = "one", runs = { run } } }, { slo = false, overhead = false, machine = false }))
    assert.is_nil(text:find("Time to first token, median", 1, true))
    assert.is_nil(text:find("How the requests ended", 1, true))
    assert.truthy(text:find("Closed loop, whole answers", 1, true))
    assert.truthy(text:find("End to end: 1 at a time", 1, true))
  end)

  it("is made of results that have almost nothing", function()
    local empty = { started = 0, success = 0, incomplete = 0, error = 0, dropped = 0 }
    for _, runs in ipairs { {}, { { label = "1 at a time", mode = "closed", seconds = 0, counts = empty, figures = {}, rates = {}, errors = {}, samples = {} } } } do
      local text = report.html(made.result({ { name = "none", runs = runs } }))
      assert.truthy(text:find("</html>", 1, true))
      assert.is_nil(text:find("nan", 1, true) or text:find("inf ", 1, true))
    end
    assert.truthy(report.html(made.result {}):find("</html>", 1, true))
  end)

  it("has bounds, however many requests there were", function()
    local text = report.html(made.result { { name = "many", runs = { made.closed({ ttft = 100, itl = 10, failing = 0.5 }, 16, 20000) } } })
    assert.is_true(#text < 400000, #text)
    assert.truthy(text:find("A mark is a request, one of 50.", 1, true))
  end)

  it("counts a run of one level without a line, and one of forty without an overlap of names", function()
    local runs = {}
    for i = 1, 40 do runs[i] = made.closed({ ttft = 100, itl = 10 }, i, 4) end
    local drawing = report.html(made.result { { name = "sweep", runs = runs } }):match "<figure>.-</figure>"
    local names = count(drawing, 'y="224"')
    assert.is_true(names >= 8 and names <= 12, names)
    local one = report.html(made.result { { name = "one", runs = { runs[1] } } }):match "<figure>.-</figure>"
    assert.equal(0, count(one, "<polyline"))
  end)
end)

-- How bright a colour is, and how far two are apart (WCAG 2.2).
local function brightness(hex)
  local sum = 0
  for i, share in ipairs { 0.2126, 0.7152, 0.0722 } do
    local value = tonumber(hex:sub(2 * i, 2 * i + 1), 16) / 255
    sum = sum + share * (value <= 0.04045 and value / 12.92 or ((value + 0.055) / 1.055) ^ 2.4)
  end
  return sum
end

local function contrast(a, b)
  local x, y = brightness(a), brightness(b)
  return (math.max(x, y) + 0.05) / (math.min(x, y) + 0.05)
end

local function linear(hex)
  local list = {}
  for i = 1, 3 do
    local value = tonumber(hex:sub(2 * i, 2 * i + 1), 16) / 255
    list[i] = value <= 0.04045 and value / 12.92 or ((value + 0.055) / 1.055) ^ 2.4
  end
  return list
end

-- What people see who lack one kind of cone (Machado, Oliveira and Fernandes, 2009; complete).
local SEEN = {
  protanopia = { { 0.152286, 1.052583, -0.204868 }, { 0.114503, 0.786281, 0.099216 }, { -0.003882, -0.048116, 1.051998 } },
  deuteranopia = { { 0.367322, 0.860646, -0.227968 }, { 0.280085, 0.672501, 0.047413 }, { -0.011820, 0.042940, 0.968881 } },
  tritanopia = { { 1.255528, -0.076749, -0.178779 }, { -0.078411, 0.930809, 0.147602 }, { 0.004733, 0.691367, 0.303900 } },
  all = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } },
}

-- A colour in CIE L*a*b*, where distances are those that the eye sees.
local function lab(hex, matrix)
  local rgb, seen = linear(hex), {}
  for i = 1, 3 do seen[i] = math.max(0, math.min(1, matrix[i][1] * rgb[1] + matrix[i][2] * rgb[2] + matrix[i][3] * rgb[3])) end
  local r, g, b = seen[1], seen[2], seen[3]
  local function f(t) return t > 0.008856 and t ^ (1 / 3) or 7.787 * t + 16 / 116 end
  local x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505)
  local y = f(0.2126 * r + 0.7152 * g + 0.0722 * b)
  local z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089)
  return { 116 * y - 16, 500 * (x - y), 200 * (y - z) }
end

local function distance(a, b) return math.sqrt((a[1] - b[1]) ^ 2 + (a[2] - b[2]) ^ 2 + (a[3] - b[3]) ^ 2) end

describe("the colours of providers", function()
  it("stand out from the page, light and dark", function()
    for _, colours in ipairs { style.LIGHT, style.DARK } do
      for _, colour in ipairs(colours) do assert.is_true(contrast(colour, colours.page) >= 3, colour) end
    end
  end)

  it("are told apart, the first five of them, with any kind of sight", function()
    for _, colours in ipairs { style.LIGHT, style.DARK } do
      for sight, matrix in pairs(SEEN) do
        for i = 1, 5 do
          for j = i + 1, 5 do
            local apart = distance(lab(colours[i], matrix), lab(colours[j], matrix))
            assert.is_true(apart > 15, ("%s and %s, %s: %.1f"):format(colours[i], colours[j], sight, apart))
          end
        end
      end
    end
  end)
end)

-- Looks at a page: whether it is wider than its window, what stands outside of its drawing, which words of a drawing lie on one another.
local LOOK = [[(page, view) => {
  const inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
  const touch = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2;
  const outside = [], overlaps = [];
  for (const drawing of page.querySelectorAll("svg.chart")) {
    const box = drawing.getBoundingClientRect();
    for (const part of drawing.querySelectorAll("text, path, polyline, rect, line"))
      if (!inside(part.getBoundingClientRect(), box)) outside.push(drawing.getAttribute("aria-label") + ": " + part.outerHTML.slice(0, 120));
    const texts = [...drawing.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()]);
    texts.forEach(([a, r], i) => texts.slice(i + 1).forEach(([b, s]) => { if (touch(r, s)) overlaps.push(a + " on " + b); }));
  }
  const sizes = [...page.querySelectorAll("svg.chart text")].map(t => t.getBoundingClientRect().height);
  const colour = name => view.getComputedStyle(page.querySelector(name)).color;
  return {
    width: page.documentElement.scrollWidth, drawings: page.querySelectorAll("figure svg.chart").length, outside, overlaps,
    smallest: Math.min(...sizes), text: page.body.innerText, background: view.getComputedStyle(page.body).backgroundColor, colour: colour("body"),
    line: view.getComputedStyle(page.querySelector(".line.s1")).stroke, titles: page.querySelectorAll("svg.chart title").length,
    scripts: page.scripts.length, images: page.images.length, handlers: page.querySelectorAll("[onerror],[onload],[onclick]").length,
    headings: [...page.querySelectorAll("h1, h2")].map(h => h.textContent), lang: page.documentElement.lang,
    unnamed: [...page.querySelectorAll("svg")].filter(s => !s.getAttribute("aria-label") && !s.getAttribute("aria-hidden")).length,
  };
}]]

describe("in a browser #slow", function()
  local absent = browser.absent()
  if absent then return it("the page is looked at", function() pending(absent) end) end

  for _, case in ipairs { { width = 1280 }, { width = 360 }, { width = 820, dark = true } } do
    it(("the page fits %d pixels, %s"):format(case.width, case.dark and "dark" or "light"), function()
      local seen = browser.ask(report.html(made.two()), case, LOOK)
      assert.same({}, seen.outside)
      assert.same({}, seen.overlaps)
      assert.equal(case.width, seen.width)
      assert.equal(24, seen.drawings)
      assert.is_true(seen.smallest >= 10, seen.smallest)
      assert.same({ "Load test: gpt-oss-120b, mistral-small", "Closed loop", "Open loop", "Failures", "How it was measured" }, seen.headings)
      assert.same({ "en", 0, 0, 0, 0 }, { seen.lang, seen.unnamed, seen.scripts, seen.images, seen.handlers })
      assert.is_true(seen.titles > 60, seen.titles)
      assert.equal(case.dark and "rgb(21, 24, 28)" or "rgb(255, 255, 255)", seen.background)
      assert.equal(case.dark and "rgb(61, 148, 221)" or "rgb(0, 79, 140)", seen.line)
      assert.truthy(seen.text:find("SLO 5000 ms", 1, true) and seen.text:find("16 failures of kind timeout", 1, true))
    end)
  end

  it("hostile names and errors are words, and stay where they stand", function()
    local attack = [[</title></style></script><script>document.body.innerHTML=""</script><img src=x onerror="alert(1)"><b>'"&amp;]] .. "\226\128\174\0\255"
    local run = made.closed({ ttft = 100, itl = 10, failing = 0.3 }, 2, 30)
    run.label, run.errors[1].kind, run.errors[1].code, run.errors[1].samples = attack, attack, attack, { attack, attack }
    for _, sample in ipairs(run.samples) do sample.kind = sample.kind and attack end
    local result = made.result({ { name = attack, provider = attack, model = attack, address = attack, runs = { run } } }, {
      title = attack, ogl = attack, started = attack, options = { [attack] = attack, list = { attack } }, machine = { system = attack, lua = attack },
    })
    result.formulas = { { name = "e2e", title = attack, unit = attack, formula = attack, better = attack } }
    local seen = browser.ask(report.html(result), { width = 700 }, LOOK:gsub('"%.line%.s1"', '".s1"'))
    assert.same({ 0, 0, 0 }, { seen.scripts, seen.images, seen.handlers })
    assert.equal(5 - 1, #seen.headings)
    assert.equal(700, seen.width)
    local _, shown = seen.text:gsub("</title></style></script><script>document", "")
    assert.is_true(shown > 10, shown)
  end)
end)
