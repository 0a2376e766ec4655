prelude
import Matrix

/-!
# A quantised state as tokens: enough, and fewer is not enough

A state of `r` rows and `d` columns, each entry one of `V` levels, is written row by row
as `r * d` tokens of a vocabulary with at least `V` words; distinct states give distinct
messages. Conversely, no code whose messages are all shorter than `n` tokens of `W` words
is lossless when `W ^ n` is at most the number `V ^ (d * r)` of states.
-/

/-- A vocabulary of `W ≥ V` words has a word for each of `V` levels. -/
def Below.widen {V W : Nat} (h : V ≤ W) (a : Below V) : Below W :=
  ⟨a.val, le_trans a.small h⟩

/-- The message that carries the state `S`. -/
def encode {V W : Nat} (h : V ≤ W) (r d : Nat) (S : Nat → Nat → Below V) : List (Below W) :=
  flatten r d (fun i j => (S i j).widen h)

theorem encode_length {V W : Nat} (h : V ≤ W) (r d : Nat) (S : Nat → Nat → Below V) :
    (encode h r d S).length = r * d :=
  length_flatten r d _

/-- A way of sending `r × d` states is lossless: equal messages carry equal states. -/
def Lossless {V : Nat} {α : Type} (r d : Nat) (send : (Nat → Nat → Below V) → α) : Prop :=
  ∀ S S', send S = send S' → ∀ i j, i < r → j < d → S i j = S' i j

theorem Below.widen_inj {V W : Nat} (h : V ≤ W) {a b : Below V} (e : a.widen h = b.widen h) : a = b :=
  Below.ext (show (a.widen h).val = (b.widen h).val from congrArg Below.val e)

theorem encode_lossless {V W : Nat} (h : V ≤ W) (r d : Nat) : Lossless r d (encode h r d) :=
  fun _ _ e i j hi hj => Below.widen_inj h (flatten_inj e i j hi hj)

/-! ## Dividing by `V`, and the digits of a number -/

/-- One more, written as a quotient and a remainder by `V`. -/
def carry (V : Nat) (p : Prod Nat Nat) : Prod Nat Nat :=
  if p.snd + 1 = V then ⟨p.fst + 1, 0⟩ else ⟨p.fst, p.snd + 1⟩

/-- Quotient and remainder of `k` by `V`. -/
def divide (V k : Nat) : Prod Nat Nat :=
  match k with
  | 0 => ⟨0, 0⟩
  | k + 1 => carry V (divide V k)

theorem divide_spec {V : Nat} (positive : 1 ≤ V) (k : Nat) :
    k = (divide V k).snd + V * (divide V k).fst ∧ (divide V k).snd < V := by
  induction k with
  | zero => exact ⟨rfl, positive⟩
  | succ k ih =>
    have ⟨value, small⟩ := ih
    show k + 1 = (carry V (divide V k)).snd + V * (carry V (divide V k)).fst ∧ (carry V (divide V k)).snd < V
    cases Nat.eq_or_ne ((divide V k).snd + 1) V with
    | inl full =>
      rw [carry, if_pos full]
      refine ⟨?_, positive⟩
      show k + 1 = 0 + (V * (divide V k).fst + V)
      rw [zero_add]
      calc
        k + 1 = (divide V k).snd + V * (divide V k).fst + 1 := congrArg Nat.succ value
        _ = (divide V k).snd + 1 + V * (divide V k).fst := (Nat.succ_add _ _).symm
        _ = V + V * (divide V k).fst := congrArg (· + V * (divide V k).fst) full
        _ = V * (divide V k).fst + V := add_comm V (V * (divide V k).fst)
    | inr room =>
      rw [carry, if_neg room]
      refine ⟨?_, Nat.lt_of_lt_succ_of_ne (Nat.succ_le_succ small) room⟩
      calc
        k + 1 = (divide V k).snd + V * (divide V k).fst + 1 := congrArg Nat.succ value
        _ = (divide V k).snd + 1 + V * (divide V k).fst := (Nat.succ_add _ _).symm

/-- Digit `l` of `k` in base `V`. -/
def digit (V l k : Nat) : Nat :=
  match l with
  | 0 => (divide V k).snd
  | l + 1 => digit V l (divide V k).fst

theorem digit_small {V : Nat} (positive : 1 ≤ V) (l k : Nat) : digit V l k < V := by
  induction l generalizing k with
  | zero => exact (divide_spec positive k).right
  | succ l ih => exact ih _

/-- Numbers below `V ^ m` with the same `m` digits are equal. -/
theorem digit_inj {V m k k' : Nat} (positive : 1 ≤ V) (small : k < V ^ m) (small' : k' < V ^ m)
    (same : ∀ l, l < m → digit V l k = digit V l k') : k = k' := by
  induction m generalizing k k' with
  | zero =>
    have zero : ∀ {a : Nat}, a < 1 → a = 0 := fun {a} h => by
      cases a with
      | zero => rfl
      | succ a => exact nomatch Nat.le_of_succ_le_succ h
    exact (zero small).trans (zero small').symm
  | succ m ih =>
    have quotient : ∀ {a : Nat}, a < V ^ (m + 1) → (divide V a).fst < V ^ m := fun {a} h =>
      Nat.lt_of_mul_lt_mul_left V (calc
        V * (divide V a).fst + 1 ≤ (divide V a).snd + V * (divide V a).fst + 1 :=
          Nat.succ_le_succ (Nat.le_add_left _ _)
        _ = a + 1 := congrArg Nat.succ (divide_spec positive a).left.symm
        _ ≤ V ^ (m + 1) := h)
    have first : (divide V k).snd = (divide V k').snd := same 0 (Nat.succ_le_succ (Nat.zero_le m))
    have rest : (divide V k).fst = (divide V k').fst :=
      ih (quotient small) (quotient small') (fun l h => same (l + 1) (Nat.succ_le_succ h))
    calc
      k = (divide V k).snd + V * (divide V k).fst := (divide_spec positive k).left
      _ = (divide V k').snd + V * (divide V k').fst := by rw [first, rest]
      _ = k' := (divide_spec positive k').left.symm

/-- State number `k`: its rows are the digits of `k` in base `V ^ d`, their entries the digits in base `V`. -/
def state {V : Nat} (positive : 1 ≤ V) (d k i j : Nat) : Below V :=
  ⟨digit V j (digit (V ^ d) i k), digit_small positive j _⟩

theorem pow_positive {V : Nat} (positive : 1 ≤ V) (d : Nat) : 1 ≤ V ^ d := by
  induction d with
  | zero => exact .refl
  | succ d ih => calc
    1 ≤ V := positive
    _ = V * 1 := (mul_one V).symm
    _ ≤ V * V ^ d := Nat.mul_le_mul_left' V ih

/-- There are `V ^ (d * r)` different states of `r` rows and `d` columns. -/
theorem state_inj {V r d k k' : Nat} (positive : 1 ≤ V) (small : k < V ^ (d * r)) (small' : k' < V ^ (d * r))
    (same : ∀ i j, i < r → j < d → state positive d k i j = state positive d k' i j) : k = k' := by
  rw [← pow_mul V r d] at small small'
  have base : 1 ≤ V ^ d := pow_positive positive d
  exact digit_inj base small small' (fun i hi =>
    digit_inj positive (digit_small base i k) (digit_small base i k')
      (fun j hj => congrArg Below.val (same i j hi hj)))

/-! ## The number of messages -/

/-- A message as a number: the first word plus one, plus `W` times the rest. -/
def number {W : Nat} (xs : List (Below W)) : Nat :=
  match xs with
  | .nil => 0
  | .cons x xs => W * number xs + (x.val + 1)

/-- Equal quotients and remainders: `W * q + x` determines `q` and `x < W`. -/
theorem remainder_inj {W q q' x x' : Nat} (small : x < W) (small' : x' < W)
    (h : W * q + x = W * q' + x') : q = q' ∧ x = x' := by
  have same : q = q' := by
    have order : ∀ {a b y z : Nat}, y < W → W * a + y = W * b + z → b ≤ a := fun {a b y z} hy e =>
      Nat.le_of_not_lt (fun less => Nat.lt_irrefl (W * a + y) (calc
        W * a + y + 1 ≤ W * a + W := add_le_add_left hy (W * a)
        _ ≤ W * b := Nat.mul_le_mul_left' W less
        _ ≤ z + W * b := Nat.le_add_left _ _
        _ = W * b + z := add_comm z (W * b)
        _ = W * a + y := e.symm))
    have up : q ≤ q' := order small' h.symm
    have down : q' ≤ q := order small h
    cases up with
    | refl => rfl
    | step up => exact absurd (le_trans (Nat.succ_le_succ up) down) (Nat.lt_irrefl _)
  subst same
  rw [add_comm (W * q) x, add_comm (W * q) x'] at h
  exact ⟨rfl, Nat.add_right_cancel _ h⟩

theorem number_inj {W : Nat} {xs ys : List (Below W)} (h : number xs = number ys) : xs = ys := by
  induction xs generalizing ys with
  | nil => cases ys with
    | nil => rfl
    | cons y ys => exact nomatch (h : 0 = W * number ys + y.val + 1)
  | cons x xs ih => cases ys with
    | nil => exact nomatch (h : W * number xs + x.val + 1 = 0)
    | cons y ys =>
      have ⟨tails, heads⟩ := remainder_inj x.small y.small (Nat.succ_inj h)
      rw [ih tails, Below.ext heads]

/-- A message shorter than `n` tokens has a number below `W ^ n` (with room to spare). -/
theorem number_small {W : Nat} (words : 2 ≤ W) {n : Nat} (xs : List (Below W)) (short : xs.length < n) :
    number xs + 2 ≤ W ^ n := by
  induction xs generalizing n with
  | nil => cases n with
    | zero => exact nomatch short
    | succ n => calc
      2 ≤ W := words
      _ = W * 1 := (mul_one W).symm
      _ ≤ W * W ^ n := Nat.mul_le_mul_left' W (pow_positive (le_trans (.step .refl) words) n)
  | cons x xs ih => cases n with
    | zero => exact nomatch short
    | succ n => calc
      W * number xs + (x.val + 1) + 2
      _ ≤ W * number xs + W + W := add_le_add (add_le_add_left x.small (W * number xs)) words
      _ = W * (number xs + 2) := rfl
      _ ≤ W * W ^ n := Nat.mul_le_mul_left' W (ih (Nat.le_of_succ_le_succ short))

/-- Pigeonhole: when the states are at least `W ^ n`, no code with messages shorter than `n` tokens is
lossless. -/
theorem short_messages_lose {V W r d n : Nat} (levels : 1 ≤ V) (words : 2 ≤ W) (many : W ^ n ≤ V ^ (d * r))
    (send : (Nat → Nat → Below V) → List (Below W)) (short : ∀ S, (send S).length < n) :
    ¬ Lossless r d send := by
  intro lossless
  have ⟨N, room⟩ := Nat.exists_succ (pow_positive (le_trans (.step .refl) words) n)
  rw [room] at many
  have below : V ^ (d * r) ≤ N :=
    pigeonhole (fun k => number (send (state levels d k)))
      (fun k _ => by
        have small := number_small words (send (state levels d k)) (short _)
        rw [room] at small
        exact Nat.le_of_succ_le_succ small)
      (fun k k' small small' e => state_inj levels small small' (lossless _ _ (number_inj e)))
  exact Nat.lt_irrefl N (le_trans many below)
