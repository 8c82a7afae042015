// Shows /openapi.json: what each endpoint takes, an example of its answer and of each problem.

import { code, make } from "./make.js";
import { canBeTried, trial } from "./trying.js";

function words(text, tag = "p") {
  // Text between backquotes is code.
  const pieces = (text ?? "").split("`");
  return make(tag, {}, ...pieces.map((piece, i) => (i % 2 ? make("code", { textContent: piece }) : piece)));
}

function resolved(schema, all) {
  const name = schema.$ref?.split("/").pop();
  return name ? { ...all[name], name } : schema;
}

function typeOf(schema, all) {
  const found = resolved(schema, all);
  if (found.name) return found.name;
  if (found.anyOf) return found.anyOf.map((each) => typeOf(each, all)).join(" or ");
  if (found.type === "array") return `list of ${typeOf(found.items ?? {}, all)}`;
  return found.type ?? "any";
}

function need(schema, required) {
  if (required) return ", required";
  return schema.default === undefined || schema.default === null ? "" : `, default ${schema.default}`;
}

function fields(rows, all) {
  const lines = rows.map(([name, schema, required, description]) =>
    make(
      "tr",
      {},
      make("td", {}, make("code", { textContent: name })),
      make("td", { textContent: typeOf(schema, all) + need(schema, required) }),
      words(description ?? schema.description, "td"),
    ),
  );
  return make("table", {}, make("tbody", {}, ...lines));
}

function properties(schema, all) {
  const { properties: found = {}, required = [] } = schema;
  return fields(
    Object.entries(found).map(([name, each]) => [name, each, required.includes(name)]),
    all,
  );
}

function request(operation, all) {
  const parts = [];
  const parameters = operation.parameters ?? [];
  if (parameters.length) {
    const rows = parameters.map((each) => [each.name, each.schema, each.required, each.description]);
    parts.push(make("h3", { textContent: "Parameters" }), fields(rows, all));
  }
  const content = operation.requestBody?.content["application/json"];
  if (content) {
    const schema = resolved(content.schema, all);
    parts.push(make("h3", { textContent: `Body: ${schema.name ?? "JSON"}` }), properties(schema, all));
    parts.push(...bodies(content, all).map(code));
  }
  return parts;
}

function bodies(content, all) {
  if (!content) return [];
  const schema = resolved(content.schema, all);
  const examples = schema.examples ?? content.schema.examples ?? [];
  return content.example ? [...examples, content.example] : examples;
}

function answers(operation) {
  const parts = [];
  for (const [status, answer] of Object.entries(operation.responses)) {
    parts.push(make("h3", { textContent: `${status} ${answer.description}` }));
    for (const [type, content] of Object.entries(answer.content ?? {})) {
      parts.push(make("p", { className: "quiet", textContent: type }));
      if (content.example) parts.push(code(content.example));
      for (const { value } of Object.values(content.examples ?? {})) parts.push(code(value));
    }
  }
  return parts;
}

function endpoint(path, method, operation, all) {
  const [example] = bodies(operation.requestBody?.content["application/json"], all);
  const tried = canBeTried(path, method, operation) ? [trial(path, method, operation, example)] : [];
  return make(
    "details",
    {},
    make(
      "summary",
      {},
      make("span", { className: "method", textContent: `${method.toUpperCase()} ` }),
      make("code", { textContent: path }),
      make("span", { className: "quiet", textContent: operation.summary }),
    ),
    make("div", { className: "body" }, words(operation.description), ...tried, ...request(operation, all), ...answers(operation)),
  );
}

function show(api) {
  const page = document.getElementById("docs");
  const all = api.components.schemas;
  page.append(make("h1", { textContent: `${api.info.title} ${api.info.version}` }));
  for (const paragraph of api.info.description.split("\n\n")) page.append(words(paragraph));
  for (const { name, description } of api.tags) {
    page.append(make("h2", { textContent: name }), words(description));
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (operation.tags?.includes(name)) page.append(endpoint(path, method, operation, all));
      }
    }
  }
  page.append(make("h2", { textContent: "objects" }));
  for (const [name, schema] of Object.entries(all)) {
    const summary = make("summary", {}, make("code", { textContent: name }));
    const body = make("div", { className: "body" }, words(schema.description), properties(schema, all));
    page.append(make("details", {}, summary, body));
  }
}

const response = await fetch("openapi.json");
show(await response.json());
