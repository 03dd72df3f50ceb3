"""Makes a tiny vision-language model, in ``.venv-vlm``: ``python make_model.py FOLDER [ANSWER]``.

Without an answer its weights are random, and so is what it writes. With one, the weights are set so
that it writes exactly that: the answer is one entry of the vocabulary, nothing but the last token
decides about the next, and after the prompt's last space comes the answer, and after it the end.
"""

import sys
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

IMAGE = "<image>"
SPECIAL = ["<pad>", "<s>", "</s>", IMAGE]
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] }}\n{% endif %}"
    "{% endfor %}{% endfor %}assistant: "
)
PIXELS, PATCH, WIDTH = 56, 14, 32


def tokenizer(answer: str | None) -> PreTrainedTokenizerFast:
    """One token for each byte, and one for the whole answer."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        [], trainers.BpeTrainer(special_tokens=SPECIAL, initial_alphabet=alphabet)
    )
    if answer is not None:
        raw.add_tokens([AddedToken(answer, normalized=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        extra_special_tokens={"image_token": IMAGE},
    )


def model(words: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    """Random weights, the same every time."""
    torch.manual_seed(0)
    small = {"hidden_size": WIDTH, "intermediate_size": 64, "num_hidden_layers": 2}
    image = words.convert_tokens_to_ids(IMAGE)
    made = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=CLIPVisionConfig(
                **small, num_attention_heads=2, image_size=PIXELS, patch_size=PATCH
            ),
            text_config=LlamaConfig(
                **small,
                vocab_size=len(words),
                num_attention_heads=2,
                num_key_value_heads=2,
                max_position_embeddings=16_384,
            ),
            image_token_index=image,
            vision_feature_layer=-1,
        )
    )
    made.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=0)
    return made


def rig(made: LlavaForConditionalGeneration, words: PreTrainedTokenizerFast, answer: str) -> None:
    """Let it write ``answer`` after a space, and nothing after that."""
    text = made.model.language_model
    (space,) = words.encode(" ", add_special_tokens=False)
    whole = words.convert_tokens_to_ids(answer)
    with torch.no_grad():
        for layer in text.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        # Two directions of their own for the two tokens that matter.
        text.embed_tokens.weight[:, :2] = 0
        text.embed_tokens.weight[[space, whole]] = torch.eye(WIDTH)[:2]
        made.lm_head.weight.zero_()
        made.lm_head.weight[whole, 0] = 1
        made.lm_head.weight[words.eos_token_id, 1] = 1


def main() -> None:
    """Write the model in the form of the Hugging Face hub."""
    folder = Path(sys.argv[1])
    answer = sys.argv[2] if len(sys.argv) > 2 else None
    words = tokenizer(answer)
    made = model(words)
    if answer is not None:
        rig(made, words, answer)
    made.save_pretrained(folder)
    pictures = CLIPImageProcessorPil(
        size={"shortest_edge": PIXELS}, crop_size={"height": PIXELS, "width": PIXELS}
    )
    LlavaProcessor(
        pictures,
        words,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        image_token=IMAGE,
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    ).save_pretrained(folder)


if __name__ == "__main__":
    main()
