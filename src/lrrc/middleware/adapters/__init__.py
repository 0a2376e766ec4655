"""The coordinator inside other people's frameworks: OpenAI's client, LangChain, AutoGen, LiteLLM."""
