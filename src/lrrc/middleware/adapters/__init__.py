"""The coordinator inside other people's frameworks.

openai, langchain, openai_agents, pydantic_ai, agent_framework, google_adk,
crewai, litellm, autogen (no longer developed): one module a framework; restore gives messages back as they came. May
import middleware and its framework."""
