# millwright.bash -- bash completion: commands and their long options, as the program itself lists them.

_millwright_commands() { "$1" --help 2>/dev/null | sed -n 's/^  \([a-z]*\)  *.*/\1/p'; }
_millwright_options() { "$1" "$2" --help 2>/dev/null | grep -oE -- '--[a-z0-9-]*[a-z0-9]' | sort -u; }

_millwright() {
	local program=$1 word=$2 previous=$3 command=${COMP_WORDS[1]-}

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_millwright_commands "$program") --help --version" -- "$word")
		return
	fi
	if [ "$command" = lm ] && [ "$COMP_CWORD" -eq 2 ] && [ "${word#-}" = "$word" ]; then
		mapfile -t COMPREPLY < <(compgen -W 'info run logits bench perplexity quantize' -- "$word")
		return
	fi
	case $previous in
	--language) mapfile -t COMPREPLY < <(compgen -W 'en ko' -- "$word") ;;
	--template) mapfile -t COMPREPLY < <(compgen -W 'phi3 llama2 llama3 chatml zephyr' -- "$word") ;;
	--kernels) mapfile -t COMPREPLY < <(compgen -W 'scalar avx2 avxvnni avx512vnni neon neondot' -- "$word") ;;
	--cache) mapfile -t COMPREPLY < <(compgen -W 'f32 f16 int8' -- "$word") ;;
	*)
		if [ "${word#-}" != "$word" ]; then
			mapfile -t COMPREPLY < <(compgen -W "$(_millwright_options "$program" "$command")" -- "$word")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
		fi
		;;
	esac
}
complete -o filenames -F _millwright millwright
