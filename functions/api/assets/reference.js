// The API reference: one panel per address of the OpenAPI document, its parameters and its fields.

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

const resolve = (description, schema) =>
  schema?.$ref ? description.components.schemas[schema.$ref.split('/').pop()] : schema;

function typeOf(description, schema) {
  if (schema.$ref) return schema.$ref.split('/').pop();
  const options = schema.oneOf ?? schema.anyOf;
  if (options) return options.map((option) => typeOf(description, option)).join(' or ');
  const type = [schema.type].flat().filter(Boolean).join(' or ') || 'any';
  return schema.items ? `list of ${typeOf(description, schema.items)}` : type;
}

function table(headings, rows) {
  const made = element('table');
  const head = made.createTHead().insertRow();
  for (const heading of headings) head.append(element('th', '', heading));
  const body = made.createTBody();
  for (const cells of rows) {
    const row = body.insertRow();
    cells.forEach((cell, at) => {
      const place = row.insertCell();
      if (at === 0) place.append(element('code', '', cell)); else place.textContent = cell;
    });
  }
  const scroll = element('div', 'scroll');
  scroll.append(made);
  return scroll;
}

function fields(description, schema) {
  const found = resolve(description, schema);
  return Object.entries(found?.properties ?? {}).map(([name, field]) => [name, typeOf(description, field), field.description ?? '']);
}

const description = await (await fetch('/openapi.json')).json();
document.getElementById('about').textContent = description.info.description;
const holder = document.getElementById('addresses');
for (const [path, methods] of Object.entries(description.paths)) {
  const { get } = methods;
  const panel = element('section', 'panel');
  const head = element('div', 'head');
  const title = element('h2');
  title.append(element('code', '', `GET ${path}`));
  head.append(title, element('p', 'about', get.summary ?? ''));
  panel.append(head);
  const parameters = (get.parameters ?? []).map((parameter) => [parameter.name, parameter.required ? 'required' : 'optional', parameter.description ?? '']);
  if (parameters.length) panel.append(table(['Parameter', '', 'Meaning'], parameters));
  const media = Object.values(get.responses['200'].content ?? {})[0];
  const rows = fields(description, media?.schema);
  if (rows.length) panel.append(table(['Field', 'Type', 'Meaning'], rows));
  holder.append(panel);
}
const schemas = element('section', 'panel');
schemas.append(element('h2', '', 'Types'));
for (const [name, schema] of Object.entries(description.components.schemas)) {
  const rows = fields(description, schema);
  if (rows.length) schemas.append(element('p', 'note', `${name}: ${schema.description ?? ''}`), table(['Field', 'Type', 'Meaning'], rows));
}
holder.append(schemas);
