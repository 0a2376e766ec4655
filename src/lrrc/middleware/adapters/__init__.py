"""The coordinator inside other people's frameworks: OpenAI's client, LangChain, AutoGen, LiteLLM.

openai, langchain, autogen, litellm: one module a framework; restore gives messages back as they came. May import
middleware and its framework."""
