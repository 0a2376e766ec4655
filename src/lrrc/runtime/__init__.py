"""What a stage needs of the machine and nothing of conversations. Imports nothing of lrrc.

files          files that are whole or absent, JSON and parquet written
rows           rows of JSON and parquet read, however they were written
executor       work spread over processes or Ray, in a fixed order
workers        processes that end with their parent
tensor_stream  safetensors written as they come
errors         a user's mistake as one line
secrets        keys kept out of logs
urls           addresses of servers, checked
checked        values from users and files, checked by pydantic
arithmetic     the same bytes on every processor
products       matrix products of torch by OpenBLAS
chance         streams of chance by purpose
dvc_patch      DVC's own files written whole
"""
