local student = require "opengatellm.bench.student"

describe("the width of an interval", function()
  it("is that of the printed tables, by one per cent", function()
    for _, row in ipairs {
      { 0.05, 5, 2.571 }, { 0.05, 10, 2.228 }, { 0.05, 22, 2.074 }, { 0.05, 46, 2.013 }, { 0.05, 1e6, 1.960 }, { 0.01, 5, 4.032 }, { 0.01, 22, 2.819 },
      { 0.001, 10, 4.587 }, { 0.001, 22, 3.792 }, { 0.001, 46, 3.515 }, { 0.1, 22, 1.717 }, { 0.5, 22, 0.686 },
    } do
      local risk, freedom, wanted = row[1], row[2], row[3]
      assert.is_true(math.abs(student.width(risk, freedom) / wanted - 1) < 0.01, ("%g, %g: %g"):format(risk, freedom, student.width(risk, freedom)))
    end
  end)
end)
