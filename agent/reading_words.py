"""The words that requests are made of: phrases that mean the same share one sign, in capitals.

A sign stands for a piece of a request in the patterns of `agent.reading_settings` and `agent.reading_targets`.
"""

from __future__ import annotations

SIGNS: dict[str, str] = {
    # how much
    "MIN": "at least|no fewer than|no less than|not less than|not fewer than|a minimum of|minimum of|minimum|min"
    "|or more|upwards of|or above",
    "MAX": "at most|no more than|not more than|a maximum of|maximum of|maximum|max|under|below|less than|fewer than"
    "|within|not exceed|not exceeding|tops|or less|or fewer|not over|no longer than|limit|capped at|cap|up to",
    "OVER": "more than|over|above|beyond|exceeds|exceed|exceeding|greater than|larger than|costs more than",
    "MORE": "more|additional|additionally|extra|further|another|new",
    "ADD": "add|adding|append|generate|create|synthesise|synthesize|produce|make up",
    "TIMES": "times|times as many|times as much|fold|x|times the|times more|times the number of",
    "DOUBLE": "double|twice|doubling|doubled|two-fold|twofold",
    "TRIPLE": "triple|thrice|tripling|tripled|threefold|treble",
    "QUADRUPLE": "quadruple|fourfold",
    "SIZE": "the size of|size of|as many items as|as many examples as|as many as|as much as|as large as|as big as"
    "|the level of|level of|the same as|match",
    "SAME": "the same|same|likewise|ditto",
    "ALSO": "also|too|as well",
    # what is done
    "BRING": "bring|bringing|raise|increase|get|take|grow|lift|boost|make|fill|fill up|top up|augment|expand|push"
    "|bump|bump up|scale|scale up|oversample|over-sample|upsample|up-sample|extend|set|put|change|give|reach|bring up"
    "|raise up|aim for|aim at|go|build up|enlarge|complete|keep|make sure|make sure that|ensure|ensure that",
    "NEED": "need|needs|should|must|shall|ought to|has to|have to|should have|must have|shall have|has to have"
    "|have to have|ought to have|needs to have|need to have|should be|must be|should get|should contain|should reach",
    "WANT": "want|wants|would like|'d like|i'd like|want to have|prefer|wish|looking for|aiming for",
    "HAVE": "has|have|has got|have got|there are|there is|there's|there're|contains|contain|i've|we've"
    "|i've got|we've got|currently|so far|right now|at the moment|already|is at|are at|sits at|too small|too few"
    "|not enough|is small|are small|is tiny|too rare|lags behind",
    "BALANCE": "balance|balanced|balancing|rebalance|rebalanced|even out|equalise|equalize|level out"
    "|fix the imbalance|fix the class imbalance|remove the imbalance|as many items in every class"
    "|the same number in every class|the same number of items in every class|the same size"
    "|same number of examples for every class|same number in every class|same number for every class|equal"
    "|equally large|equally big",
    "FORGET": "forget|drop|clear|delete|remove|reset|discard|scrap",
    "TARGETS": "target|targets|goal|goals|all targets|every target",
    "SAVE": "write|save|export|store|output|dump|writing|saved|written|exported",
    "TRAIN": "train|training|trained|model|student|network|classifier|learner|models|bert|roberta|distilbert"
    "|deberta|modernbert|electra|wav2vec|wav2vec2|hubert|wavlm|whisper|vit|resnet|convnext|cnn|lstm|rnn"
    "|transformer|neural network|small network|logistic regression|svm",
    "PRETRAINED": "fine-tune|finetune|fine-tuning|finetuning|fine-tuned|finetuned|pretrained|pre-trained"
    "|transfer learning",
    "SCRATCH": "from scratch|scratch|randomly initialised|randomly initialized|random weights",
    # which
    "EACH": "each|every|all|per|any|each of|every one of|all of|for each",
    "EVERYTHING": "everything|every one|everyone|each one|them all|all of them|across the board",
    "OTHER": "other|others|the rest|rest|remaining|everything else|all others",
    "EXCEPT": "except|except for|other than|apart from|besides|excluding|but not|all but",
    "ONLY": "only|nothing but|exclusively|solely|just|nothing except|limited to",
    "IT": "it|that|this|them|these|those|that class|that one|this class|this one|these classes|those classes|both"
    "|its|the class",
    "SMALLEST": "smallest|minority|rarest|least frequent|least common|underrepresented|under-represented|rare|smaller"
    "|small|weakest|weak",
    "LARGEST": "largest|biggest|majority|most frequent|most common",
    # no, and change of mind
    "NOT": "not|no|don't|do not|without|avoid|never|skip|exclude|leave out|forbid|ban|stop|stop using|doesn't|does not"
    "|didn't|neither|can't|cannot|mustn't|must not|shouldn't|should not|don't use|do not use|not use|never use|disable"
    "|don't want|do not want|won't|isn't|aren't|leave off|turn off|switch off",
    "ALLOW": "you may use|may use|can use|you can use|feel free to use|allow|permit|enable|use|turn on|switch on"
    "|allowed to use|go ahead and use",
    "USING": "using|with the help of|by means of|through",
    "FINE": "fine|ok to use|okay to use|allowed|permitted|welcome|all right to use",
    "CHANGE": "actually|instead|rather|no wait|wait|on second thought|i meant|i mean|correction|sorry",
    # policy
    "STAY": "nothing may leave|nothing leaves|nothing must leave|nothing should leave|nothing is to leave"
    "|must not leave|may not leave|should not leave|keep it local|keep everything local|keep the data local"
    "|keep data local|stay local"
    "|stays local|local only|only local|locally|stay offline|offline|stay on|keep everything on|keep it on"
    "|data must stay"
    "|everything stays on|must stay on|don't send anything|do not send anything|send nothing|don't upload anything"
    "|don't upload|do not upload|private"
    "|never leaves|must never leave|may never leave|nothing may be sent|nothing should be sent|nothing must be sent"
    "|nothing is sent|don't send my data|do not send my data|don't send the data|don't send data",
    "REMOTE": "api|apis|cloud|internet|network access|remote|remote models|remote model|online|endpoint|endpoints"
    "|openai"
    "|the web|web|outside services|external services|hosted models",
    "MACHINE": "machine|computer|laptop|server|premises|machines|building|company",
    "ASK": "ask|ask me|ask me first|check with me|check with me first|let me approve|let me confirm|confirm with me"
    "|i want to approve|want to approve|wait for my approval|wait for me|asking|asking me|ask for approval"
    "|ask for my approval|ask us|want to confirm",
    "AUTO": "on your own|automatically|without asking|without asking me|no need to ask|no need to ask me|no questions"
    "|don't ask|do not ask|don't ask me|do not ask me|don't bother me|never ask|stop asking|stop asking me"
    "|approve everything|approve automatically|no approval needed",
    "BEFORE": "before|first|prior to|if|when|whenever|every time|each time",
    "ROUND": "round|rounds|step|steps|recipe|recipes|anything",
    # goals
    "HELP": "helps|make sure it helps|only if it helps|it has to help|it must help|it should help|has to help|must help"
    "|only if it really helps|really helps|prove that it helps|prove it helps|make sure that it helps"
    "|make sure this helps"
    "|must make the model better|has to make the model better|make the model better|make my model better"
    "|has to be worth it|only what helps|as long as it helps|get a better model|should make the model better"
    "|improve the model|improve my model|improve our model|the model should get better|model has to get better"
    "|only if it improves|only if the model gets better|the model must get better|better model",
    "IMPROVE": "improve|gain|improvement|better|improves|rise|win|higher|go up|goes up|gets better|get better"
    "|becomes better",
    "SCORE": "accuracy|f1|macro f1|macro-f1|score|performance|quality|the metric",
    "POINTS": "points|point|percentage points|pp|f1 points|points of f1|points of macro f1|points of accuracy",
    "PERCENT": "%|percent|per cent",
    "COVERAGE": "held-out coverage|held out coverage|coverage of held-out items|coverage"
    "|coverage of the validation items"
    "|cover",
    "VALIDATION": "validation items|validation set|held-out items|held out items|validation data|validation rows",
    # money, time, and other things counted
    "DOLLAR": "dollars|dollar|usd|bucks|$|us dollars",
    "TOKENS": "tokens|token",
    "SECONDS": "seconds|second|sec|secs|s",
    "MINUTES": "minutes|minute|min|mins",
    "HOURS": "hours|hour|h|hrs|hr",
    "GPU": "gpu|on a gpu|of gpu time|gpu time|on the gpu",
    "SYNTHETIC": "synthetic|made|artificial|generated|fake|synthetic items|synthetic ones|synthetic samples",
    "REAL": "real|real item|real items|real one|real sample|original|real example|originals|real row|genuine",
    "SEED": "seed|random seed|seeds",
    "SPEND": "spend|cost|costs|pay|budget|budget of|spending|costing",
    "LIMITS": "time|money|limits",
    "NOLIMIT": "no limit on|without a limit on|without limit on|unlimited|any amount of|no limit for|lift the limit on"
    "|remove the limit on",
    "U": "item|items|example|examples|sample|samples|clip|clips|text|texts|image|images|picture|pictures|photo|photos"
    "|recording|recordings|utterance|utterances|sentence|sentences|message|messages|row|rows|instance|instances"
    "|data points|datapoints|file|files|piece|pieces|document|documents|drawings|data|dataset|training data|ticket"
    "|tickets|recordings of|email|emails",
    "L": "class|label|category|intent",
    "LS": "classes|labels|categories|intents",
    "PAIR": "pair|pairs|combination|combinations|pair of|combination of|cell|cells",
    "MAKE_FORMAT": "format|file format",
    "SEP": ",|&|;|and|or|nor|plus|as well as|and also",
    "THEN": "but|then|while|whereas|and then|so that|so",
}
"""Sign -> phrases that mean it; the longest phrase at a place counts."""

FORMATS = {
    "csv": "csv",
    "jsonl": "jsonl|json lines|json-lines",
    "parquet": "parquet",
    "imagefolder": "imagefolder|image folder",
    "audiofolder": "audiofolder|audio folder",
    "same": "same format|the same format|original format|the original format|as it came",
}
"""Format of an export -> phrases that mean it."""

PREPOSITIONS = "to|of|for|in|at|with|by|from|on|into|as|up|is|are|be|was|were|than"
"""Words that join pieces: patterns may name them, and alone they mean nothing."""

FILLER = (
    "a|an|the|my|our|your|his|her|their|me|us|i|we|you|he|she|they|i'd|i'll|i'm|we'd|we'll|we're|you'd|please"
    "|pls|kindly|hey|hi|hello|thanks|thank|well|um|uh|oh|ok|okay|yes|yeah|yep|sure|great|good|nice|cool"
    "|alright|perfect|about|roughly|around|approximately|some|such|let|lets|let's|would|could|can|may|might|finish|finished|done"
    "|will|able|like|how|do|does|did|then|now|still|again|finally|also|very|really|quite|enough|there|here"
    "|much|many|have|been|being|which|who|what|one|ones|kind|kinds|type|types|sort|sorts|number|amount|count"
    "|total|together|altogether|currently|maybe|perhaps|possibly|ideally|remember|course|morning|afternoon"
    "|evening|dear|people|everybody|so|just|both|that's|it's|and|etc|least|need|want"
)
"""Words that change nothing; they are dropped before anything is matched."""

TOOL_WORDS: dict[str, str] = {
    "back-translation": "back translation|back translate|back translating|round trip translation|backtranslation",
    "llm-paraphrase": "paraphrase|paraphrases|paraphrasing|rephrasing|rewording",
    "llm-*": "llm|llms|language model|language models|gpt|chatgpt|large language model|large language models"
    "|generated texts|invented texts",
    "text.keyboard_noise": "typo|typos|misspellings|misspelling|spelling mistakes|typing errors|keyboard slips",
    "text.ocr_noise": "ocr|ocr errors|scan errors|scanning errors",
    "text.swap_words": "word swap|word swaps|word swapping|swapping words|swap words|swaps|swap",
    "text.delete_words": "word deletion|word deletions|deleting words|delete words|drop words|dropping words",
    "text.insert_words": "word insertion|word insertions|inserting words|insert words",
    "text.replace_words": "synonym|synonyms|synonym replacement|word replacement|replacing words|replace words",
    "text.insert_punctuation": "punctuation|extra punctuation|punctuation marks",
    "text.reorder_sentences": "sentence reordering|reordering sentences|reorder sentences|shuffling sentences",
    "lexical-edit": "eda|word edits|easy data augmentation",
    "text-noise": "character noise|text noise|noise|noise in the text",
    "image.flip_crop": "mirror|mirrors|mirroring|flip|flips|flipping|horizontal flip|horizontal flips|crop|crops"
    "|cropping|mirrored",
    "image.affine": "rotate|rotating|rotation|rotations|shear|shearing|affine",
    "image.blur": "blur|blurs|blurring",
    "image.colour": "colour jitter|color jitter|colour changes|color changes|colours|colors|colour|color",
    "image.erase_patch": "erasing|random erasing|erase|cutout|patches|erase patches",
    "image.noise": "noise|image noise|pixel noise",
    "image.trivial_augment": "trivialaugment|trivial augment|randaugment|autoaugment",
    "text-to-image": "diffusion|stable diffusion|generated images|text to image",
    "image-to-image": "image to image|img2img",
    "image.mixup": "mixup|mix up",
    "image.cutmix": "cutmix|cut mix",
    "sample-mixing": "mixing|mixing images|mixed images",
    "speech.add_noise": "noise|background noise|added noise|adding noise",
    "reverberation": "reverb|room|rooms|echo|echoes|reverberation|room echo",
    "speed": "speed|speed changes|speed perturbation|tempo|speed change|changing the speed",
    "pitch": "pitch|pitch shift|pitch shifts|pitch shifting|pitch changes",
    "level": "gain changes|volume|volume changes|loudness|loudness changes",
    "time-shift": "time shift|time shifts|shifting in time",
    "spectrogram-masking": "specaugment|masking|masks|mask|spectrogram masking",
    "channel": "telephone|phone line|telephone line|phone band|telephone band|codec|codecs",
    "tts-synthesis": "tts|text to speech|synthetic voices|synthetic speech|synthesised speech|synthesized speech",
    "voice-conversion": "voice conversion|voice cloning|cloned voices|changing the voice",
}
"""Tool, or family of tools -> well-known words for it beside its name."""

RANGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "short": ("words", ("<5", "5-15")),
    "long": ("words", (">=50", "15-50")),
    "brief": ("duration", ("<0.5", "0.5-1")),
    "dark": ("brightness", ("<0.25", "0.25-0.5")),
    "bright": ("brightness", (">=0.75", "0.5-0.75")),
    "low contrast": ("contrast", ("<0.1", "0.1-0.2")),
    "high contrast": ("contrast", (">=0.3", "0.2-0.3")),
    "blurry": ("sharpness", ("<0.02", "0.02-0.1")),
    "blurred": ("sharpness", ("<0.02", "0.02-0.1")),
    "sharp": ("sharpness", (">=2", "0.5-2")),
    "low resolution": ("size", ("<32", "32-64", "64-128")),
    "noisy": ("snr", ("0-10", "<0")),
    "clean": ("snr", (">=30", "20-30")),
    "quiet": ("level", ("<-40", "-40 to -30")),
    "loud": ("level", (">=-10", "-20 to -10")),
    "narrow band": ("bandwidth", ("2000-3400", "<2000")),
}
"""Words for a range of a measure -> its axis, and the ranges they mean: the first that the dataset has."""

SPOKEN_RANGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "short": ("duration", ("<0.5", "0.5-1")),
    "long": ("duration", (">=10", "5-10", "2-5")),
}
"""The same for recordings, where they differ."""
