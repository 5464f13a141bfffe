"""Renders Jinja templates as transformers does: the oracle of spec/jinja.

usage: python3 render.py JOBS.json >RESULTS.json

A job is {"source" or "path", "values"}; its result {"text"} or {"error"}. Two things are as llama.cpp has them: lists may be changed, and
there is a filter from_json.
"""

import json
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import SandboxedEnvironment


class Generation(jinja2.ext.Extension):
    """The tag `generation`, which prints what is in it."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("said"), [], [], body).set_lineno(line)

    def said(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    made = SandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    made.filters["tojson"] = tojson
    made.filters["from_json"] = json.loads
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = lambda form: "NOW " + form
    return made


def render(job, environment):
    try:
        if "path" in job:
            with open(job["path"], encoding="utf-8", newline="") as file:
                job["source"] = file.read()
        return {"text": environment.from_string(job["source"]).render(**job["values"])}
    except Exception as problem:  # whatever it is, the template failed
        return {"error": f"{type(problem).__name__}: {problem}"[:200]}


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        jobs = json.load(file)
    shared = environment()
    json.dump([render(job, shared) for job in jobs], sys.stdout)
