"""Questions to a vision-language model about the pictures of a study, and its answers.

A module for each form of question: ``chat`` for models that write (OpenAI's chat contract), and
``zero_shot`` for models that only compare pictures with texts. Of an answer nothing but values of
the closed list (``contracts.observations``) gets through.
"""
