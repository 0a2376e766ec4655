"""Every fit of an item, resumable.

May import whatever stands below it: tracking, proofs, policies, dataset and the ground.

stage          what train, ablate and baseline run
fit_spec       what to fit
fit            one fit, in Lightning
form_head      what the form of replies says of the outcome, learnt first
losses         what is minimised (paper section 3.5)
fit_report     what is to be known of a finished fit: best epoch, outcome head, state
kept_features  what stateless policies send, as features for their outcome head
"""
