/** The API as an OpenAPI 3.1 document, made of the routes. Pure. */
import { z } from "zod";
import { type ApiRoute, pathParams } from "./route.ts";
import { PROBLEM } from "./shapes.ts";

type Json = Readonly<Record<string, unknown>>;

export interface OpenApi {
  readonly openapi: string;
  readonly info: Json;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Record<string, Json>; readonly securitySchemes: Json };
  readonly security: readonly Json[];
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly "x-role": string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Json;
  readonly responses: Json;
  readonly security?: readonly Json[];
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Json;
}

const SECURITY = {
  token: { type: "http", scheme: "bearer", description: "A token: `everboot token add`." },
  session: { type: "apiKey", in: "cookie", name: "everboot_session", description: "Of a browser that has logged in." },
};

export function openApiDocument(routes: readonly ApiRoute[], version: string): OpenApi {
  const schemas: Record<string, Json> = {};
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route, schemas) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Everboot",
      version,
      description: "Machines that are installed over the network: their state, and leave to install them.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths,
    components: { schemas, securitySchemes: SECURITY },
    security: [{ token: [] }, { session: [] }],
  };
}

type Schemas = Record<string, Json>;

function operationOf(route: ApiRoute, schemas: Schemas): Operation {
  const parameters = [...pathParameters(route), ...queryParameters(route, schemas), ...headerParameters(route)];
  return {
    operationId: route.id,
    summary: route.summary,
    "x-role": route.role,
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && {
      requestBody: { required: true, content: jsonContent(schemaOf(route.body, "input", schemas)) },
    }),
    responses: responsesOf(route, schemas),
    ...(route.role === "anyone" && { security: [] }),
  };
}

function pathParameters({ path }: ApiRoute): Parameter[] {
  return pathParams(path).map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
}

function queryParameters({ query }: ApiRoute, schemas: Schemas): Parameter[] {
  const { properties = {}, required = [] } = schemaOf(query, "input", schemas) as {
    readonly properties?: Readonly<Record<string, Json>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    ...{ name, in: "query", required: required.includes(name), schema },
    ...(typeof description === "string" && { description }),
  }));
}

function headerParameters({ headers = {}, tag }: ApiRoute): Parameter[] {
  const all = { ...headers, ...(tag && { "if-none-match": "Entity tag of what is known: 304 if it is still so." }) };
  return Object.entries(all).map(([name, description]) => ({
    ...{ name, in: "header", required: false, description, schema: { type: "string" } },
  }));
}

function responsesOf(route: ApiRoute, schemas: Schemas): Json {
  const problem = { "application/problem+json": { schema: schemaOf(PROBLEM, "output", schemas) } };
  const content =
    route.answer === "stream"
      ? { "text/event-stream": { schema: { type: "string" } } }
      : jsonContent(schemaOf(route.answer, "output", schemas));
  return {
    "200": { description: "Done.", content },
    ...(route.tag && { "304": { description: "It is as the entity tag says." } }),
    default: { description: "An error.", content: problem },
  };
}

function jsonContent(schema: Json): Json {
  return { "application/json": { schema } };
}

/** Named parts go to the components. */
function schemaOf(schema: z.ZodType, io: "input" | "output", schemas: Schemas): Json {
  const { $schema: _version, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "throw",
    // Answers may gain members.
    override: ({ jsonSchema }) => {
      if (io === "output" && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
  const text = JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/');
  const { $defs = {}, ...rest } = JSON.parse(text) as { $defs?: Readonly<Record<string, Json>> };
  for (const [name, part] of Object.entries($defs)) {
    const { id: _name, ...named } = part;
    schemas[name] = named;
  }
  return rest;
}
